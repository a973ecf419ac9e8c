"""What notifications keeps of other modules: copies, built from the beginning of their topics.

They have a consumer group of their own, so that they can be built again without sending a mail."""

from datetime import datetime

from sqlalchemy.dialects.postgresql import insert

from extracted.notifications.model import Address, Cancellation, Concert
from kit.copies import upsert


def keep_address(session, process, message):
    account = message.data
    row = {
        "account_id": account["id"],
        "email": account["email"],
        "name": account["name"],
        "version": account["aggregate_version"],
    }
    upsert(session, Address, row)


def keep_concert(session, process, message):
    event = message.data
    row = {
        "event_id": event["id"],
        "title": event["title"],
        "artist": event["artist"],
        "venue_name": event["venue"]["name"],
        "city": event["venue"]["city"],
        "starts_at": datetime.fromisoformat(event["starts_at"]),
        "version": event["aggregate_version"],
    }
    upsert(session, Concert, row)


def keep_cancellation(session, process, message):
    cancelled = insert(Cancellation).values(booking_id=message.data["id"])
    session.execute(cancelled.on_conflict_do_nothing())


TOPICS = ("accounts", "bookings", "catalog")
SNAPSHOTS = True
HANDLERS = {
    "account.registered": keep_address,
    "booking.cancelled": keep_cancellation,
    "event.scheduled": keep_concert,
}
