from flask import Blueprint

from extracted.payments import service
from kit import checks
from kit.access import caller, signed_in
from kit.paging import page, paging
from kit.process import this_process
from kit.request import query

bp = Blueprint("payments", __name__)


@bp.get("/api/payments")
@signed_in()
def payments():
    parameters = query(booking_id=checks.identifier, **paging(checks.moment, checks.identifier))
    with this_process().database.reading() as session:
        rows = service.of_booking(session, account_id=caller().account_id, **parameters)
        return page(
            rows,
            parameters["limit"],
            render=lambda payment: payment.as_json(),
            position=lambda payment: (checks.as_text(payment.created_at), payment.id),
        )
