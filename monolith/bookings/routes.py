from flask import Blueprint, g

from monolith import fields as checks
from monolith.bookings import service
from monolith.catalog import service as catalog
from monolith.process import this_process
from monolith.web import customer, fields, idempotency_key, page, paging, query, signed_in

bp = Blueprint("bookings", __name__)


@bp.post("/api/events/<id:event_id>/holds")
@customer()
def hold(event_id):
    process = this_process()
    with process.db.reading("catalog") as session:
        event = catalog.find(session, event_id)
        seats = fields(seats=checks.list_of(checks.text(high=64), 1, 8))["seats"]
        places = catalog.seats(session, seats)
    with process.db.transaction("bookings") as session:
        return service.hold(session, process, account_id=signed_in(), event=event, places=places, seats=seats, now=process.clock()).as_json(), 201


@bp.delete("/api/holds/<id:hold_id>")
@customer()
def give_back(hold_id):
    process = this_process()
    with process.db.transaction("bookings") as session:
        service.give_back(session, account_id=signed_in(), hold_id=hold_id, now=process.clock())
    return "", 204


@bp.post("/api/bookings")
@customer()
def book():
    process, account_id = this_process(), signed_in()
    with process.db.reading("bookings") as session:
        _find_hold(session, account_id)
    key, wrong_key = idempotency_key()
    body = fields(also=lambda values: wrong_key, hold_id=checks.identifier, payment_method=checks.payment_method)
    with process.db.transaction() as session:
        booking = service.book(session, process, account_id=account_id, key=key, now=process.clock(), **body)
        return booking.as_json(_positions(booking)), 201


def _positions(*bookings):
    """{seat: its position in the plan}, as it takes to show bookings."""
    with this_process().db.reading("catalog") as session:
        return catalog.positions(session, [seat for booking in bookings for seat in booking.seats])


def _find_hold(session, account_id):
    """Refuse an unknown hold before any wrong field, as the contract's order of refusals wants it."""
    try:
        hold_id = checks.identifier(g.body.get("hold_id", checks.MISSING))
    except ValueError:
        return
    service.own_hold(session, account_id=account_id, hold_id=hold_id)


@bp.get("/api/bookings")
@customer()
def bookings():
    asked = query(**paging(checks.moment, checks.identifier))
    with this_process().db.reading("bookings") as session:
        rows = service.of_account(session, account_id=signed_in(), **asked)
        positions = _positions(*rows)
        return page(rows, asked["limit"], lambda each: each.as_json(positions), lambda each: (checks.as_text(each.created_at), each.id))


@bp.get("/api/bookings/<id:booking_id>")
@customer()
def booking(booking_id):
    with this_process().db.reading("bookings") as session:
        booking = service.find(session, account_id=signed_in(), booking_id=booking_id)
        return booking.as_json(_positions(booking))


@bp.post("/api/bookings/<id:booking_id>/cancellation")
@customer(body=False)
def cancel(booking_id):
    process = this_process()
    with process.db.transaction() as session:
        booking = service.find(session, account_id=signed_in(), booking_id=booking_id, locked=True)
        fields()
        service.cancel(session, process, booking, now=process.clock())
        return booking.as_json(_positions(booking))
