from sqlalchemy.dialects.postgresql import insert

from monolith.catalog import service as catalog
from monolith.fields import as_text
from monolith.recommendations.model import Taste
from monolith.recommendations.together import suggest

AT_MOST = 50


def booked(session, *, account_id, event_id):
    """Note that an account has booked an event."""
    once = insert(Taste).values(account_id=account_id, event_id=event_id, bookings=1)
    session.execute(once.on_conflict_do_update(index_elements=[Taste.account_id, Taste.event_id], set_={"bookings": Taste.bookings + 1}))


def cancelled(session, *, account_id, event_id):
    """Note that an account has cancelled a booking of an event, if it is known to have one."""
    taste = session.get(Taste, (account_id, event_id), with_for_update=True)
    if taste is None:
        return
    taste.bookings -= 1
    if not taste.bookings:
        session.delete(taste)


def for_account(session, process, *, account_id, limit, after, now):
    """[{event, score, because}], best first, of upcoming events; one more than limit, and never past the fiftieth."""
    suggested = suggest(session, account_id)
    with process.db.reading("catalog") as of_catalog:
        upcoming = catalog.upcoming(of_catalog, [event_id for event_id, *_ in suggested], now)
    best = [each for each in suggested if each[0] in upcoming][:AT_MOST]
    if after:
        best = [each for each in best if (-each[1], each[0]) > (-after[0], after[1])]
    return [_as_json(upcoming[event_id], score, because) for event_id, score, because in best[: limit + 1]]


def _as_json(event, score, because):
    shown = {"id": event.id, "title": event.title, "artist": event.artist, "genre": event.genre, "starts_at": as_text(event.starts_at)}
    return {"event": shown, "score": score, "because": because}
