"""What bookings says on its topic: each time all that there is to know of a booking."""

from extracted.kit.outbox import Fact
from monolith.fields import as_text

TOPIC = "bookings"
TYPES = {"pending": "booking.requested", "confirmed": "booking.confirmed", "declined": "booking.declined", "cancelled": "booking.cancelled"}


def became(booking, places, **more):
    """That a booking has reached its status; places are its seats as the catalog knows them."""
    booking.version += 1
    data = {
        "id": booking.id,
        "account_id": booking.account_id,
        "event_id": booking.event_id,
        "seats": [{"id": place.id, "section": place.section, "row": place.row, "number": place.number, "price": place.price} for place in places],
        "total": booking.total,
        "currency": booking.currency,
        "created_at": as_text(booking.created_at),
        **more,
        "aggregate_version": booking.version,
    }
    return Fact(TOPIC, TYPES[booking.status], booking.id, data)
