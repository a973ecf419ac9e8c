import re
from datetime import timedelta

from flask import Blueprint

from kit import checks
from kit.access import caller, signed_in
from kit.paging import page, paging
from kit.process import this_process
from kit.request import field_if_valid, fields, query
from monolith.bookings import service
from monolith.bookings.idempotency import key_of_request
from monolith.catalog import service as catalog

bp = Blueprint("bookings", __name__)
PAYMENT_METHOD = checks.text(
    high=253,
    like=re.compile(r"pm_[A-Za-z0-9_]{1,250}"),
    called="a payment method",
)


@bp.post("/api/events/<id:event_id>/holds")
@signed_in()
def hold(event_id):
    process = this_process()
    with process.db.bookings.transaction() as session:
        catalog.find(session, event_id)
        body = fields(seats=checks.list_of(checks.text(high=64), 1, 8))
        held = service.hold(
            session,
            account_id=caller().account_id,
            event_id=event_id,
            **body,
            now=process.clock(),
            hold_for=timedelta(seconds=process.settings.hold_seconds),
        )
        return held.as_json(), 201


@bp.delete("/api/holds/<id:hold_id>")
@signed_in()
def give_back(hold_id):
    process = this_process()
    with process.db.bookings.transaction() as session:
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
    with process.db.catalog.reading() as session:
        positions = catalog.positions(session, held.seats) if held else None
    with process.db.monolith.transaction() as session:
        booking = service.book(
            session,
            account_id=caller().account_id,
            **body,
            key=key,
            now=process.clock(),
            mailer=process.mailer,
            provider=process.provider,
        )
        return booking.as_json(positions or service.positions(session, booking)), 201


def _own_hold(process):
    """The caller's hold, or None; its NotFound comes before any error in a field."""
    hold_id = field_if_valid("hold_id", checks.identifier)
    if hold_id is None:
        return None
    with process.db.bookings.reading() as session:
        return service.own_hold(session, account_id=caller().account_id, hold_id=hold_id)


@bp.get("/api/bookings")
@signed_in()
def bookings():
    parameters = query(**paging(checks.moment, checks.identifier))
    with this_process().db.bookings.reading() as session:
        rows = service.of_account(session, account_id=caller().account_id, **parameters)
        positions = service.positions(session, *rows)
        return page(
            rows,
            parameters["limit"],
            render=lambda booking: booking.as_json(positions),
            position=lambda booking: (checks.as_text(booking.created_at), booking.id),
        )


@bp.get("/api/bookings/<id:booking_id>")
@signed_in()
def booking(booking_id):
    with this_process().db.bookings.reading() as session:
        found = service.find(session, account_id=caller().account_id, booking_id=booking_id)
        return found.as_json(service.positions(session, found))


@bp.post("/api/bookings/<id:booking_id>/cancellation")
@signed_in(body=False)
def cancel(booking_id):
    process = this_process()
    with process.db.monolith.transaction() as session:
        booking = service.find(
            session, account_id=caller().account_id, booking_id=booking_id, locked=True
        )
        fields()
        service.cancel(
            session,
            booking,
            now=process.clock(),
            provider=process.provider,
        )
        return booking.as_json(service.positions(session, booking))
