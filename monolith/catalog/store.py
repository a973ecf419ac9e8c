"""The queries of the catalog that deserve a name."""

from sqlalchemy import func, or_, select, tuple_

from monolith.catalog.model import Event, Seat, Venue

_price_from = select(func.min(Seat.price)).where(Seat.event_id == Event.id).scalar_subquery()
_seats = select(func.count()).where(Seat.event_id == Event.id).scalar_subquery()
_listed = select(
    Event.id,
    Event.title,
    Event.artist,
    Event.genre,
    Event.starts_at,
    Event.currency,
    Venue.id.label("venue_id"),
    Venue.name.label("venue_name"),
    Venue.city,
    _price_from.label("price_from"),
    func.coalesce(Event.capacity, _seats).label("capacity"),
).join(Venue, Venue.id == Event.venue_id)
_planned = select(
    Seat.id,
    Seat.section,
    Seat.row,
    Seat.number,
    Seat.price,
).order_by(Seat.position)

_placed = select(
    Seat.id,
    Seat.event_id,
    Seat.position,
    Seat.section,
    Seat.row,
    Seat.number,
    Seat.price,
).order_by(Seat.position)


def events(session, *, words, city, start, end, after, limit):
    """Events that start at `start` or later and before `end`, soonest first; one more than limit.

    Each has its venue, its lowest price and its capacity."""
    found = _listed.where(Event.starts_at >= start)
    for word in words:
        in_title = Event.title.icontains(word, autoescape=True)
        in_artist = Event.artist.icontains(word, autoescape=True)
        found = found.where(or_(in_title, in_artist))
    if city:
        found = found.where(func.lower(Venue.city) == func.lower(city))
    if end:
        found = found.where(Event.starts_at < end)
    if after:
        found = found.where(tuple_(Event.starts_at, Event.id) > tuple_(*after))
    soonest_first = found.order_by(Event.starts_at, Event.id)
    return session.execute(soonest_first.limit(limit + 1)).all()


def event(session, event_id):
    """An event with its venue, its lowest price and its capacity, or None."""
    return session.execute(_listed.where(Event.id == event_id)).one_or_none()


def seats(session, event_id):
    """Every seat of an event, in the order of the plan."""
    return session.execute(_planned.where(Seat.event_id == event_id)).all()


def seats_of(session, event_ids):
    """{event: its seats as mappings, in the order of the plan}"""
    seats = {event_id: [] for event_id in event_ids}
    for seat in session.execute(_placed.where(Seat.event_id.in_(event_ids))).mappings():
        seats[seat["event_id"]].append(seat)
    return seats


def some_seats(session, seat_ids):
    """The seats with these ids, in the order of the plan; unknown ids are skipped."""
    return session.execute(_placed.where(Seat.id.in_(seat_ids))).all()


def venues(session, *, after, limit):
    """Venues with their sections, by name; one more than limit."""
    found = select(Venue).order_by(Venue.name, Venue.id).limit(limit + 1)
    if after:
        found = found.where(tuple_(Venue.name, Venue.id) > tuple_(*after))
    return session.scalars(found).all()
