import uuid

from sqlalchemy import insert, select

from extracted.kit.outbox import record
from monolith.catalog import facts, store
from monolith.catalog.model import Event, Seat, Venue
from monolith.refusals import NotFound


def find(session, event_id):
    """The event with its venue, lowest price and capacity; NotFound if there is none."""
    event = store.event(session, event_id)
    if event is None:
        raise NotFound("There is no such event.")
    return event


def seats(session, seat_ids):
    """Those of the seats that there are, each with its event_id, place and price, in the order of the plan."""
    return store.some_seats(session, seat_ids)


def positions(session, seat_ids):
    """{seat: its position in the plan}"""
    return {seat.id: seat.position for seat in store.some_seats(session, seat_ids)}


def upcoming(session, event_ids, now):
    """{id: event} of those of the events that have not begun."""
    return {event.id: event for event in session.scalars(select(Event).where(Event.id.in_(event_ids), Event.starts_at > now))}


def schedule(session, *, title, artist, genre, venue_id, starts_at, prices, currency):
    """The id of a new event, with a seat at its price for each place in the sections that prices names."""
    event_id = uuid.uuid4().hex
    venue = session.get_one(Venue, venue_id)
    seats = plan(venue.sections, event_id, prices, new_id=lambda: uuid.uuid4().hex)
    event = Event(id=event_id, title=title, artist=artist, genre=genre, venue_id=venue_id, starts_at=starts_at, currency=currency, capacity=len(seats))
    fact = facts.scheduled(event, venue, seats)
    session.add(event)
    session.flush()
    session.execute(insert(Seat), seats)
    record(session, fact)
    return event_id


def plan(sections, event_id, prices, new_id):
    """A row of the seats table for each place in the sections that prices names."""
    places = [(section.name, *place) for section in sections if section.name in prices for place in section.places()]
    return [
        {
            "id": new_id(),
            "event_id": event_id,
            "position": position,
            "section": name,
            "row": row,
            "number": number,
            "price": prices[name],
        }
        for position, (name, row, number) in enumerate(places)
    ]


def unknown_sections(venue, prices):
    """The errors in prices for a venue: every name that is none of its sections."""
    known = {section.name for section in venue.sections}
    return [("prices", f"names {name}, which is no section of this venue") for name in prices if name not in known]
