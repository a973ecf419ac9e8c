"""What bookings publishes on its topic: the full state of a booking, each time that it changes."""

from kit.checks import as_text
from kit.message import Message

TOPIC = "bookings"
TYPES = {
    "pending": "booking.requested",
    "confirmed": "booking.confirmed",
    "declined": "booking.declined",
    "cancelling": "booking.cancelled",
    "cancelled": "booking.cancelled",
}


def state(booking, places, **more):
    """The state of a booking; places are its seats with their prices."""
    data = {
        "id": booking.id,
        "account_id": booking.account_id,
        "event_id": booking.event_id,
        "hold_id": booking.hold_id,
        "seats": [_seat(place) for place in places],
        "total": booking.total,
        "currency": booking.currency,
        "created_at": as_text(booking.created_at),
        **more,
        "aggregate_version": booking.version,
    }
    return Message(TOPIC, TYPES[booking.status], booking.id, data)


def _seat(place):
    return {
        "id": place.id,
        "section": place.section,
        "row": place.row,
        "number": place.number,
        "price": place.price,
    }
