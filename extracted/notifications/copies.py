"""What notifications keeps of other modules: copies, built from the beginning of their topics.

They have a consumer group of their own, so that they can be built again without sending a mail."""

from datetime import datetime

from extracted.notifications.model import Address, Concert
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


TOPICS = ("accounts", "catalog")
SNAPSHOTS = True
HANDLERS = {"account.registered": keep_address, "event.scheduled": keep_concert}
