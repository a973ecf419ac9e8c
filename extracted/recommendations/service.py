from sqlalchemy import select

from extracted.recommendations.model import Concert
from kit.checks import as_text

AT_MOST = 50


def upcoming(session, suggested, *, limit, after, now):
    """[{event, score, because}] of the suggested events that have not begun, best first.

    suggested is [(event id, score, because)]. The answer has one more than limit, and never more
    than the best fifty in all."""
    concerts = _upcoming_concerts(session, [event_id for event_id, *_ in suggested], now)
    best = [each for each in suggested if each[0] in concerts][:AT_MOST]
    if after:
        best = [each for each in best if (-each[1], each[0]) > (-after[0], after[1])]
    return [_as_json(concerts[event_id], *more) for event_id, *more in best[: limit + 1]]


def _upcoming_concerts(session, event_ids, now):
    """{id: concert} of the events with these ids that have not begun."""
    not_begun = select(Concert).where(Concert.event_id.in_(event_ids), Concert.starts_at > now)
    return {concert.event_id: concert for concert in session.scalars(not_begun)}


def _as_json(concert, score, because):
    shown = {
        "id": concert.event_id,
        "title": concert.title,
        "artist": concert.artist,
        "genre": concert.genre,
        "starts_at": as_text(concert.starts_at),
    }
    return {"event": shown, "score": score, "because": because}
