from flask import Blueprint

from monolith import fields as checks
from monolith.bookings import service as bookings
from monolith.payments import service
from monolith.process import this_process
from monolith.web import customer, page, paging, query, signed_in

bp = Blueprint("payments", __name__)


@bp.get("/api/payments")
@customer()
def payments():
    asked = query(booking_id=checks.identifier, **paging(checks.moment, checks.identifier))
    with this_process().db.reading("bookings") as session:
        is_own = bookings.is_own(session, account_id=signed_in(), booking_id=asked["booking_id"])
    with this_process().db.reading("payments") as session:
        rows = service.of_booking(session, **asked) if is_own else []
        return page(rows, asked["limit"], lambda each: each.as_json(), lambda each: (checks.as_text(each.created_at), each.id))
