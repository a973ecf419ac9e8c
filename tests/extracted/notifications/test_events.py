"""The service processes the samples of docs/events, also with additional fields."""

import json
import re
from pathlib import Path

import pytest

from extracted.notifications.worker import GROUPS

FOLDER = Path("docs/events")
TABLE = [line for line in (FOLDER / "README.md").read_text().splitlines() if line.startswith("|")]
TOPIC_OF = {
    type: line.split("`")[1] for line in TABLE for type in re.findall(r"`(\w+\.\w+)`", line)
}


@pytest.mark.parametrize("group", GROUPS)
def test_a_group_subscribes_to_exactly_its_handlers_topics(group):
    assert set(GROUPS[group].TOPICS) == {TOPIC_OF[type] for type in GROUPS[group].HANDLERS}


def test_samples_with_an_unknown_field_are_processed(deliver, process, lab_services):
    known = json.loads((FOLDER / "account.registered.sample.json").read_text())
    mailed = len(lab_services.mails(to=known["email"]))
    concert = json.loads((FOLDER / "event.scheduled.sample.json").read_text())

    for type in ("account.registered", "event.scheduled", "booking.confirmed"):
        changes = (
            {"account_id": known["id"], "event_id": concert["id"]}
            if type == "booking.confirmed"
            else {}
        )
        deliver((TOPIC_OF[type], type, {**changes, "new": True}))

    assert {type for module in GROUPS.values() for type in module.HANDLERS} == {
        "account.registered",
        "event.scheduled",
        "booking.confirmed",
    }
    assert len(lab_services.mails(to=known["email"])) == mailed + 2
