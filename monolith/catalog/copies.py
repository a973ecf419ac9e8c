"""What the catalog keeps of bookings: how many seats each booking has, to count those that are
left.

They have a consumer group of their own, so that it reads its topic from the beginning."""

from kit.copies import upsert
from monolith.catalog.model import SoldSeats

WITH_SEATS = ("booking.requested", "booking.confirmed")


def keep_sold(session, process, message):
    booking = message.data
    row = {
        "booking_id": booking["id"],
        "event_id": booking["event_id"],
        "seats": len(booking["seats"]) if message.type in WITH_SEATS else 0,
        "version": booking["aggregate_version"],
    }
    upsert(session, SoldSeats, row)


TOPICS = ("bookings",)
SNAPSHOTS = True
HANDLERS = dict.fromkeys((*WITH_SEATS, "booking.declined", "booking.cancelled"), keep_sold)
