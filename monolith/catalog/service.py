import uuid

from sqlalchemy import insert

from kit.outbox import record
from kit.refusals import NotFound
from monolith.catalog import messages, store
from monolith.catalog.model import LEAST_PRICES, Event, Seat, Venue


def find(session, event_id):
    """The event with its venue, lowest price and capacity; NotFound if there is none."""
    event = store.event(session, event_id)
    if event is None:
        raise NotFound("There is no such event.")
    return event


def schedule(session, *, title, artist, genre, venue_id, starts_at, prices, currency):
    """The id of a new event. Each place in the sections that prices names becomes a seat."""
    event_id = _new_id()
    venue = session.get_one(Venue, venue_id)
    seats = plan(venue.sections, event_id, prices, new_id=_new_id)
    event = Event(
        id=event_id,
        title=title,
        artist=artist,
        genre=genre,
        venue_id=venue_id,
        starts_at=starts_at,
        currency=currency,
        capacity=len(seats),
        version=1,
    )
    session.add(event)
    session.flush()
    session.execute(insert(Seat), seats)
    record(session, messages.scheduled(event, venue, seats))
    return event_id


def _new_id():
    return uuid.uuid4().hex


def plan(sections, event_id, prices, new_id):
    """Rows of the seats table: one for each place in the sections that prices names."""
    places = [
        (section.name, *place)
        for section in sections
        if section.name in prices
        for place in section.places()
    ]
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
    """The errors in the prices for a venue: each name that is no section of it."""
    known = {section.name for section in venue.sections}
    return [
        ("prices", f"names {name}, which is no section of this venue")
        for name in prices
        if name not in known
    ]


def too_low(prices, currency):
    """The error in prices, if there is one that the payment provider would not charge."""
    least = LEAST_PRICES[currency]
    if not any(0 < price < least for price in prices.values()):
        return []
    detail = f"must be 0 or at least {least}, the payment provider's least charge in {currency}"
    return [("prices", detail)]
