import re
from datetime import timedelta
from functools import partial

from flask import Blueprint

from extracted.bookings import service, store
from extracted.bookings.idempotency import key_of_request
from extracted.bookings.places import places_of
from kit import checks, epoch
from kit.access import caller, public, signed_in
from kit.paging import page, paging
from kit.process import this_process
from kit.refusals import NotFound
from kit.request import field_if_valid, fields, query

bp = Blueprint("bookings", __name__)
PAYMENT_METHOD = checks.text(
    high=253,
    like=re.compile(r"pm_[A-Za-z0-9_]{1,250}"),
    called="a payment method",
)


@bp.before_request
def wait_at_the_epoch():
    """Let a request wait while the other side has the rows: the move brings them in a moment."""
    epoch.wait_until_open(this_process().database)


@bp.get("/api/events/<id:event_id>/seats")
@public()
def seats(event_id):
    process = this_process()
    with process.database.reading() as session:
        plan = partial(store.seats, session, event_id)
        rows = _found(process.arrivals.wait_for(plan))
        taken = service.taken(session, event_id, process.clock())
    return {"items": [_seat_as_json(row, taken) for row in rows]}


def _found(in_the_copy):
    """What the copy of the catalog has of an event; NotFound if it has nothing."""
    if not in_the_copy:
        raise NotFound("There is no such event.")
    return in_the_copy


def _seat_as_json(seat, taken):
    return {
        "id": seat.id,
        "section": seat.section,
        "row": seat.row,
        "number": seat.number,
        "price": seat.price,
        "status": taken.get(seat.id, "free"),
    }


@bp.post("/api/events/<id:event_id>/holds")
@signed_in()
def hold(event_id):
    process = this_process()
    with process.database.reading() as session:
        event = _found(store.event(session, event_id))
        seats = fields(seats=checks.list_of(checks.text(high=64), 1, 8))["seats"]
        places = store.some_seats(session, seats)
    with process.database.transaction() as session:
        held = service.hold(
            session,
            account_id=caller().account_id,
            event=event,
            places=places,
            seats=seats,
            now=process.clock(),
            hold_for=timedelta(seconds=process.settings.hold_seconds),
        )
        return held.as_json(), 201


@bp.delete("/api/holds/<id:hold_id>")
@signed_in()
def give_back(hold_id):
    process = this_process()
    with process.database.transaction() as session:
        service.give_back(
            session,
            account_id=caller().account_id,
            hold_id=hold_id,
            now=process.clock(),
        )
    return "", 204


@bp.post("/api/bookings")
@signed_in()
def book():
    process = this_process()
    held = _own_hold(process)
    key, key_errors = key_of_request()
    body = fields(
        also=lambda values: key_errors,
        hold_id=checks.identifier,
        payment_method=PAYMENT_METHOD,
    )
    places = places_of(process, held.seats) if held else []
    with process.database.transaction() as session:
        booking = service.book(
            session,
            account_id=caller().account_id,
            **body,
            places=places,
            key=key,
            now=process.clock(),
            pending_for=timedelta(seconds=process.settings.pending_seconds),
        )
        return booking.as_json(), 201


def _own_hold(process):
    """The caller's hold, or None; its NotFound comes before any error in a field."""
    hold_id = field_if_valid("hold_id", checks.identifier)
    if hold_id is None:
        return None
    with process.database.reading() as session:
        return service.own_hold(session, account_id=caller().account_id, hold_id=hold_id)


@bp.get("/api/bookings")
@signed_in()
def bookings():
    parameters = query(**paging(checks.moment, checks.identifier))
    with this_process().database.reading() as session:
        rows = service.of_account(session, account_id=caller().account_id, **parameters)
        return page(
            rows,
            parameters["limit"],
            render=lambda booking: booking.as_json(),
            position=lambda booking: (checks.as_text(booking.created_at), booking.id),
        )


@bp.get("/api/bookings/<id:booking_id>")
@signed_in()
def booking(booking_id):
    with this_process().database.reading() as session:
        found = service.find(session, account_id=caller().account_id, booking_id=booking_id)
        return found.as_json()


@bp.post("/api/bookings/<id:booking_id>/cancellation")
@signed_in(body=False)
def cancel(booking_id):
    process = this_process()
    with process.database.transaction() as session:
        booking = service.find(
            session, account_id=caller().account_id, booking_id=booking_id, locked=True
        )
        fields()
        service.cancel(session, booking, places=places_of(process, booking.seats))
        return booking.as_json(), 200 if booking.status == "cancelled" else 202
