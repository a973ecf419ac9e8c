from flask import Blueprint, request

from extracted.recommendations import copies, service
from extracted.recommendations.similarity import suggest
from kit import checks
from kit.access import caller, public, signed_in
from kit.message import Message
from kit.paging import page, paging
from kit.process import this_process
from kit.request import query

bp = Blueprint("recommendations", __name__)


def score(value):
    """A check: the score in a cursor."""
    if not isinstance(value, float) or not 0 <= value < 1_000_000:
        raise ValueError("must be a score")
    return value


@bp.get("/api/recommendations")
@signed_in()
def recommendations():
    process = this_process()
    parameters = query(**paging(score, checks.identifier))
    with process.database.reading() as session:
        suggested = suggest(session, caller().account_id)
        rows = service.upcoming(session, suggested, now=process.clock(), **parameters)
    return page(
        rows,
        parameters["limit"],
        render=lambda row: row,
        position=lambda row: (row["score"], row["event"]["id"]),
    )


@bp.post("/purchases")
@public()
def purchase():
    """Store a confirmed booking. The monolith waits for this answer; no route leads here."""
    process = this_process()
    booking = request.get_json()
    message = Message("bookings", "booking.confirmed", booking["id"], booking)
    with process.database.transaction() as session:
        copies.keep_purchase(session, process, message)
    return "", 204
