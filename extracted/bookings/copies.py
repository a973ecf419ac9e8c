"""What bookings keeps of the catalog: when an event begins, and its seats with their prices.

They have a consumer group of their own, so that it reads its topic from the beginning."""

from datetime import datetime
from itertools import count

from sqlalchemy.dialects.postgresql import insert

from extracted.bookings.model import Event, Seat
from kit.copies import upsert

SEATS = Seat.__table__


def keep_event(session, process, message):
    event = message.data
    row = {
        "id": event["id"],
        "starts_at": datetime.fromisoformat(event["starts_at"]),
        "currency": event["currency"],
        "version": event["aggregate_version"],
    }
    upsert(session, Event, row)
    # the seats of an event and their prices never change
    session.execute(insert(SEATS).on_conflict_do_nothing(), _seats(event))


def _seats(event):
    """Rows of the seats table; the message has the sections in the order of the plan."""
    positions = count()
    return [
        {
            "id": seat["id"],
            "event_id": event["id"],
            "position": next(positions),
            "section": section["name"],
            "row": seat["row"],
            "number": seat["number"],
            "price": section["price"],
        }
        for section in event["sections"]
        for seat in section["seats"]
    ]


TOPICS = ("catalog",)
SNAPSHOTS = True
HANDLERS = {"event.scheduled": keep_event}
COPIES = (Seat, Event)  # in the order in which a rebuild empties them
