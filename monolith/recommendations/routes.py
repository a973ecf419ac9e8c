from flask import Blueprint

from monolith import fields as checks
from monolith.process import this_process
from monolith.recommendations import service
from monolith.web import customer, page, paging, query, signed_in

bp = Blueprint("recommendations", __name__)


@bp.get("/api/recommendations")
@customer()
def recommendations():
    process = this_process()
    asked = query(**paging(checks.score, checks.identifier))
    with process.db.reading("recommendations") as session:
        rows = service.for_account(session, process, account_id=signed_in(), now=process.clock(), **asked)
    return page(rows, asked["limit"], lambda row: row, lambda row: (row["score"], row["event"]["id"]))
