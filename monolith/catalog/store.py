"""The queries of the catalog that deserve a name."""

from sqlalchemy import bindparam, func, or_, select, tuple_

from monolith.catalog.model import Event, Seat, SoldSeats, Venue

# Statements over tables answer rows, which take half the time of statements over classes.
EVENTS = Event.__table__
VENUES = Venue.__table__
SEATS = Seat.__table__
SOLD = SoldSeats.__table__

_price_from = (
    select(func.min(SEATS.c.price)).where(SEATS.c.event_id == EVENTS.c.id).scalar_subquery()
)
_seats = select(func.count()).where(SEATS.c.event_id == EVENTS.c.id).scalar_subquery()
_listed = select(
    EVENTS.c.id,
    EVENTS.c.title,
    EVENTS.c.artist,
    EVENTS.c.genre,
    EVENTS.c.starts_at,
    EVENTS.c.currency,
    VENUES.c.id.label("venue_id"),
    VENUES.c.name.label("venue_name"),
    VENUES.c.city,
    _price_from.label("price_from"),
    func.coalesce(EVENTS.c.capacity, _seats).label("capacity"),
).select_from(EVENTS.join(VENUES, VENUES.c.id == EVENTS.c.venue_id))
_placed = select(
    SEATS.c.id,
    SEATS.c.event_id,
    SEATS.c.position,
    SEATS.c.section,
    SEATS.c.row,
    SEATS.c.number,
    SEATS.c.price,
).order_by(SEATS.c.position)
# These two never change, so they are made once.
_one = _listed.where(EVENTS.c.id == bindparam("event_id"))
_sold = (
    select(SOLD.c.event_id, func.sum(SOLD.c.seats))
    .where(SOLD.c.event_id.in_(bindparam("event_ids", expanding=True)))
    .group_by(SOLD.c.event_id)
)


def events(session, *, words, city, start, end, after, limit):
    """Events that start at `start` or later and before `end`, soonest first; one more than limit.

    Each has its venue, its lowest price and its capacity."""
    found = _listed.where(EVENTS.c.starts_at >= start)
    for word in words:
        in_title = EVENTS.c.title.icontains(word, autoescape=True)
        in_artist = EVENTS.c.artist.icontains(word, autoescape=True)
        found = found.where(or_(in_title, in_artist))
    if city:
        found = found.where(func.lower(VENUES.c.city) == func.lower(city))
    if end:
        found = found.where(EVENTS.c.starts_at < end)
    if after:
        found = found.where(tuple_(EVENTS.c.starts_at, EVENTS.c.id) > tuple_(*after))
    soonest_first = found.order_by(EVENTS.c.starts_at, EVENTS.c.id)
    return session.execute(soonest_first.limit(limit + 1)).all()


def event(session, event_id):
    """An event with its venue, its lowest price and its capacity, or None."""
    return session.execute(_one, {"event_id": event_id}).one_or_none()


def seats_of(session, event_ids):
    """{event: its seats as mappings, in the order of the plan}"""
    seats = {event_id: [] for event_id in event_ids}
    for seat in session.execute(_placed.where(SEATS.c.event_id.in_(event_ids))).mappings():
        seats[seat["event_id"]].append(seat)
    return seats


def sold(session, event_ids):
    """{event: how many of its seats are sold}, from the copy; events without any may be left
    out."""
    return dict(session.execute(_sold, {"event_ids": event_ids}).all())


def venues(session, *, after, limit):
    """Venues with their sections, by name; one more than limit."""
    found = select(Venue).order_by(Venue.name, Venue.id).limit(limit + 1)
    if after:
        found = found.where(tuple_(Venue.name, Venue.id) > tuple_(*after))
    return session.scalars(found).all()
