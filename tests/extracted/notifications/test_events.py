"""What is promised in docs/events is understood, with fields that were added later."""

import json
import re
from pathlib import Path

import pytest

from extracted.notifications.worker import GROUPS

FOLDER = Path("docs/events")
TABLE = [line for line in (FOLDER / "README.md").read_text().splitlines() if line.startswith("|")]
TOPIC_OF = {type: line.split("`")[1] for line in TABLE for type in re.findall(r"`(\w+\.\w+)`", line)}


@pytest.mark.parametrize("group", GROUPS)
def test_a_group_reads_the_topics_of_what_it_handles_and_no_other(group):
    assert set(GROUPS[group].TOPICS) == {TOPIC_OF[type] for type in GROUPS[group].HANDLERS}


def test_samples_are_understood_with_a_field_that_is_not_known(hear, process, lab_services):
    known = json.loads((FOLDER / "account.registered.sample.json").read_text())
    mailed = len(lab_services.mails(to=known["email"]))
    concert = json.loads((FOLDER / "event.scheduled.sample.json").read_text())

    for type in ("account.registered", "event.scheduled", "booking.confirmed"):
        asked = {"account_id": known["id"], "event_id": concert["id"]} if type == "booking.confirmed" else {}
        hear((TOPIC_OF[type], type, {**asked, "new": True}))

    assert {type for part in GROUPS.values() for type in part.HANDLERS} == {"account.registered", "event.scheduled", "booking.confirmed"}
    assert len(lab_services.mails(to=known["email"])) == mailed + 2
