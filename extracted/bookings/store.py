"""The queries on the copy of the catalog that deserve a name."""

from sqlalchemy import bindparam, select

from extracted.bookings.model import Event, Seat

# Statements over tables answer rows, which take half the time of statements over classes.
SEATS = Seat.__table__

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
_event = select(Event.__table__).where(Event.__table__.c.id == bindparam("event_id"))
_plan = _placed.where(SEATS.c.event_id == bindparam("event_id"))


def event(session, event_id):
    """An event with its beginning and currency, or None while the copy does not have it."""
    return session.execute(_event, {"event_id": event_id}).one_or_none()


def seats(session, event_id):
    """Every seat of an event, in the order of the plan."""
    return session.execute(_plan, {"event_id": event_id}).all()


def some_seats(session, seat_ids):
    """The seats with these ids, in the order of the plan; unknown ids are skipped."""
    return session.execute(_placed.where(SEATS.c.id.in_(seat_ids))).all()
