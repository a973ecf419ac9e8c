"""Publishes the bookings from before the outbox."""

from sqlalchemy import select

from kit.outbox import record
from monolith.bookings import messages
from monolith.bookings.model import Booking
from monolith.catalog import service as catalog


def publish(session, batch):
    """Publish up to a batch of bookings that are not published yet; answer how many."""
    not_published = select(Booking).where(Booking.version <= 0).order_by(Booking.id)
    bookings = session.scalars(not_published.limit(batch).with_for_update(of=Booking)).all()
    if not bookings:
        return 0
    seats = [seat for booking in bookings for seat in booking.seats]
    places = {place.id: place for place in catalog.seats(session, seats)}
    for booking in bookings:
        booking.version = 1 - booking.version  # behind those that were published
    states = (
        messages.state(booking, [places[seat] for seat in booking.seats]) for booking in bookings
    )
    record(session, *states, snapshot=True)
    session.flush()
    return len(bookings)
