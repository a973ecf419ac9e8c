"""What recommendations keeps of other modules: copies, built from the beginning of their topics."""

from datetime import datetime

from extracted.recommendations.model import Concert, Purchase
from kit.copies import upsert


def keep_purchase(session, process, message):
    booking = message.data
    row = {
        "booking_id": booking["id"],
        "account_id": booking["account_id"],
        "event_id": booking["event_id"],
        "confirmed": message.type == "booking.confirmed",
        "version": booking["aggregate_version"],
    }
    upsert(session, Purchase, row)


def keep_concert(session, process, message):
    event = message.data
    row = {
        "event_id": event["id"],
        "title": event["title"],
        "artist": event["artist"],
        "genre": event["genre"],
        "starts_at": datetime.fromisoformat(event["starts_at"]),
        "version": event["aggregate_version"],
    }
    upsert(session, Concert, row)


TOPICS = ("bookings", "catalog")
SNAPSHOTS = True
HANDLERS = {
    "booking.confirmed": keep_purchase,
    "booking.cancelled": keep_purchase,
    "event.scheduled": keep_concert,
}
COPIES = (Purchase, Concert)
