"""Published messages match docs/events, consumers process its samples, and its fields stay."""

import json
import re

import pytest
from jsonschema import Draft202012Validator, FormatChecker

from kit.message import Message, read
from monolith.groups import GROUPS, WORKS_AS
from tools.lab.ground.tree import HERE

FOLDER = HERE.path / "docs" / "events"
SCHEMAS = {
    path.name.removesuffix(".schema.json"): json.loads(path.read_text())
    for path in sorted(FOLDER.glob("*.schema.json"))
}
PROMISED = json.loads((FOLDER / "types.json").read_text())
TABLE = " ".join(
    line for line in (FOLDER / "README.md").read_text().splitlines() if line.startswith("|")
)


def errors(type, data):
    return [
        error.message
        for error in Draft202012Validator(
            SCHEMAS[type], format_checker=FormatChecker()
        ).iter_errors(data)
    ]


def sample(type):
    return json.loads((FOLDER / f"{type}.sample.json").read_text())


def types(schema, at=""):
    """{path of a field: JSON type}"""
    found = {}
    for name, field in schema.get("properties", {}).items():
        found[f"{at}{name}"] = field.get("type", "enum")
        found |= types(field.get("items", field), f"{at}{name}.")
    return found


def test_every_message_type_has_schema_and_documentation():
    assert SCHEMAS.keys() == PROMISED.keys() == set(re.findall(r"`(\w+\.\w+)`", TABLE))


@pytest.mark.parametrize("type", SCHEMAS)
def test_every_sample_message_matches_its_schema(type):
    assert errors(type, sample(type)) == []


@pytest.mark.parametrize("type", SCHEMAS)
def test_documented_fields_are_never_removed_or_changed(type):
    assert types(SCHEMAS[type]) == PROMISED[type]


def test_every_published_message_matches_its_schema(sign_up, event, published):
    organiser = sign_up("organiser", role="organiser")
    body = {
        "title": "Late",
        "artist": "Trams",
        "genre": "indie",
        "venue_id": event.venue_id,
        "starts_at": "2031-06-01T19:30:00Z",
        "prices": {"Stalls": 4500},
        "currency": "EUR",
    }
    assert organiser.post("/api/events", json=body).status_code == 201

    messages = published("catalog")

    assert [type for type, _ in messages] == ["event.scheduled"] * 2
    assert [error for type, data in messages for error in errors(type, data)] == []


def test_a_group_subscribes_to_exactly_its_handlers_topics():
    topic_of = {
        type: line.split("`")[1]
        for line in TABLE.split("| |")
        for type in re.findall(r"`(\w+\.\w+)`", line)
    }

    assert {group: set(module.TOPICS) for group, module in GROUPS.items()} == {
        group: {topic_of[type] for type in module.HANDLERS} for group, module in GROUPS.items()
    }


@pytest.mark.parametrize("group", GROUPS)
def test_subscribers_ignore_fields_that_they_do_not_know(group, process):
    for type, handle in GROUPS[group].HANDLERS.items():
        data = {**sample(type), "new": True}
        sent = Message("topic", type, "key", data, recorded_at=process.clock())
        with getattr(process.db, WORKS_AS[group]).transaction() as session:
            handle(session, process, read("topic", b"key", sent.value(), sent.headers()))
