from sqlalchemy.dialects.postgresql import insert

from kit.checks import as_text
from monolith.catalog import service as catalog
from monolith.recommendations.model import Taste

AT_MOST = 50


def booked(session, *, account_id, event_id):
    """Count a booking of an event by an account."""
    first = insert(Taste).values(account_id=account_id, event_id=event_id, bookings=1)
    counted = first.on_conflict_do_update(
        index_elements=[Taste.account_id, Taste.event_id],
        set_={"bookings": Taste.bookings + 1},
    )
    session.execute(counted)


def cancelled(session, *, account_id, event_id):
    """Stop counting a booking that an account has cancelled, if it was counted."""
    taste = session.get(Taste, (account_id, event_id), with_for_update=True)
    if taste is None:
        return
    taste.bookings -= 1
    if not taste.bookings:
        session.delete(taste)


def upcoming(session, suggested, *, limit, after, now):
    """[{event, score, because}] of the suggested events that have not begun, best first.

    suggested is [(event id, score, because)]. The answer has one more than limit, and never more
    than the best fifty in all."""
    events = catalog.upcoming(session, [event_id for event_id, *_ in suggested], now)
    best = [each for each in suggested if each[0] in events][:AT_MOST]
    if after:
        best = [each for each in best if (-each[1], each[0]) > (-after[0], after[1])]
    return [_as_json(events[event_id], *more) for event_id, *more in best[: limit + 1]]


def _as_json(event, score, because):
    shown = {
        "id": event.id,
        "title": event.title,
        "artist": event.artist,
        "genre": event.genre,
        "starts_at": as_text(event.starts_at),
    }
    return {"event": shown, "score": score, "because": because}
