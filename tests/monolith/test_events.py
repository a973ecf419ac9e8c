"""What is said is what docs/events promises, and what is promised is understood; a promise is never taken back."""

import json
import re

import pytest
from jsonschema import Draft202012Validator, FormatChecker

from extracted.kit.message import Message, read
from monolith.groups import GROUPS
from tools.lab.tree import HERE

FOLDER = HERE.path / "docs" / "events"
SCHEMAS = {path.name.removesuffix(".schema.json"): json.loads(path.read_text()) for path in sorted(FOLDER.glob("*.schema.json"))}
PROMISED = json.loads((FOLDER / "types.json").read_text())
TABLE = " ".join(line for line in (FOLDER / "README.md").read_text().splitlines() if line.startswith("|"))


def errors(type, data):
    return [error.message for error in Draft202012Validator(SCHEMAS[type], format_checker=FormatChecker()).iter_errors(data)]


def sample(type):
    return json.loads((FOLDER / f"{type}.sample.json").read_text())


def types(schema, at=""):
    """{path of a field: its JSON type}"""
    found = {}
    for name, field in schema.get("properties", {}).items():
        found[f"{at}{name}"] = field.get("type", "enum")
        found |= types(field.get("items", field), f"{at}{name}.")
    return found


def test_every_type_has_a_schema_and_is_documented():
    assert SCHEMAS.keys() == PROMISED.keys() == set(re.findall(r"`(\w+\.\w+)`", TABLE))


@pytest.mark.parametrize("type", SCHEMAS)
def test_the_sample_of_a_type_is_valid(type):
    assert errors(type, sample(type)) == []


@pytest.mark.parametrize("type", SCHEMAS)
def test_no_field_that_was_promised_is_gone_or_of_another_type_and_a_new_one_is_noted(type):
    assert types(SCHEMAS[type]) == PROMISED[type]


def test_all_that_is_said_is_as_promised(fan, sign_up, event, make_event, buy, said):
    organiser = sign_up("organiser", role="organiser")
    body = {"title": "Late", "artist": "Trams", "genre": "indie", "venue_id": event.venue_id, "starts_at": "2031-06-01T19:30:00Z"}
    assert organiser.post("/api/events", json={**body, "prices": {"Stalls": 4500}, "currency": "EUR"}).status_code == 201
    booking = buy(fan, event, event.seats[:2])
    assert fan.post(f"/api/bookings/{booking['id']}/cancellation").status_code == 200
    buy(fan, event, event.seats[:1], card="pm_card_visa_chargeDeclined")
    assert organiser.delete("/api/sessions").status_code == 204

    heard = [fact for topic in HERE.topics for fact in said(topic)]

    assert {type for type, _ in heard} == SCHEMAS.keys()
    assert {(type, error) for type, data in heard for error in errors(type, data)} == set()
    assert not any(word in json.dumps(heard).lower() for word in ("password", "argon2", "cookie"))


def test_a_group_reads_the_topics_of_what_it_handles_and_no_other():
    topic_of = {type: line.split("`")[1] for line in TABLE.split("| |") for type in re.findall(r"`(\w+\.\w+)`", line)}

    assert {group: set(part.TOPICS) for group, part in GROUPS.items()} == {group: {topic_of[type] for type in part.HANDLERS} for group, part in GROUPS.items()}


@pytest.mark.parametrize("group", GROUPS)
def test_a_listener_understands_the_samples_with_a_field_that_it_does_not_know(group, process, make_event, sign_up):
    known = {"account_id": sign_up("listener").id, "event_id": make_event().id}

    for type, handle in GROUPS[group].HANDLERS.items():
        data = {**sample(type), **{name: value for name, value in known.items() if name in SCHEMAS[type]["properties"]}, "new": True}
        sent = Message("id", "topic", type, "key", data, process.clock())
        with process.db.transaction(group) as session:
            handle(session, process, read("topic", b"key", sent.value(), sent.headers()))
