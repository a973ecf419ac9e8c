"""Publishes the events from before the outbox."""

from sqlalchemy import select

from kit.outbox import record
from monolith.catalog import messages, store
from monolith.catalog.model import Event


def publish(session, batch):
    """Publish up to a batch of events that are not published yet; answer how many."""
    not_published = select(Event).where(Event.version == 0).order_by(Event.id)
    events = session.scalars(not_published.limit(batch).with_for_update(of=Event)).all()
    if not events:
        return 0
    seats = store.seats_of(session, [event.id for event in events])
    for event in events:
        event.version = 1
    scheduled = (messages.scheduled(event, event.venue, seats[event.id]) for event in events)
    record(session, *scheduled, snapshot=True)
    session.flush()
    return len(events)
