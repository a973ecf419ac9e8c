"""The service processes the samples of docs/events, also with additional fields."""

import json
from pathlib import Path

from extracted.notifications.worker import GROUPS

FOLDER = Path("docs/events")


def test_samples_with_an_unknown_field_are_processed(deliver, topic_of, lab_services):
    known = json.loads((FOLDER / "account.registered.sample.json").read_text())
    mailed = len(lab_services.mails(to=known["email"]))
    concert = json.loads((FOLDER / "event.scheduled.sample.json").read_text())

    for type in ("account.registered", "event.scheduled", "booking.confirmed", "booking.cancelled"):
        changes = (
            {"account_id": known["id"], "event_id": concert["id"]}
            if type == "booking.confirmed"
            else {}
        )
        deliver((topic_of[type], type, {**changes, "new": True}))

    assert {type for module in GROUPS.values() for type in module.HANDLERS} == {
        "account.registered",
        "event.scheduled",
        "booking.confirmed",
        "booking.cancelled",
    }
    assert len(lab_services.mails(to=known["email"])) == mailed + 2
