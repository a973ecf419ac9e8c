"""Published messages match docs/events; the groups process its samples."""

import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator, FormatChecker

from extracted.bookings.worker import GROUPS
from kit.message import Message, read

FOLDER = Path("docs/events")
TYPES = ["booking.requested", "booking.confirmed", "booking.cancelled"]
DECLINED = ["booking.requested", "booking.declined"]


def schema(type):
    return json.loads((FOLDER / f"{type}.schema.json").read_text())


def errors(type, data):
    validator = Draft202012Validator(schema(type), format_checker=FormatChecker())
    return [error.message for error in validator.iter_errors(data)]


def sample(type):
    return json.loads((FOLDER / f"{type}.sample.json").read_text())


def test_every_published_message_matches_its_schema(fan, event, buy, published):
    booking = buy(fan, event, event.seats[:2])
    assert fan.post(f"/api/bookings/{booking['id']}/cancellation").status_code == 202
    buy(fan, event, event.seats[:1], card="pm_card_visa_chargeDeclined")

    messages = published("bookings")

    assert [type for type, _ in messages] == TYPES + DECLINED
    assert {(type, error) for type, data in messages for error in errors(type, data)} == set()


def test_a_message_has_the_seats_with_their_places(fan, make_event, buy, published):
    event = make_event(sections=(("Stalls", 1, 2, 4500), ("Balcony", 1, 1, 2500)))

    buy(fan, event, event.seats[::-1])

    (_, requested), _ = published("bookings")
    assert [
        (each["id"], each["section"], each["row"], each["number"], each["price"])
        for each in requested["seats"]
    ] == [
        (event.seats[0], "Stalls", "A", 1, 4500),
        (event.seats[1], "Stalls", "A", 2, 4500),
        (event.seats[2], "Balcony", "A", 1, 2500),
    ]


def test_a_group_subscribes_to_exactly_its_handlers_topics(topic_of):
    assert {group: set(module.TOPICS) for group, module in GROUPS.items()} == {
        group: {topic_of[type] for type in module.HANDLERS} for group, module in GROUPS.items()
    }


@pytest.mark.parametrize("group", GROUPS)
def test_the_groups_ignore_fields_that_they_do_not_know(group, process, fan, event, buy):
    booking = buy(fan, event, event.seats[:1])

    for type, handle in GROUPS[group].HANDLERS.items():
        known = schema(type)["properties"].keys() & {"booking_id"}
        data = {**sample(type), **dict.fromkeys(known, booking["id"]), "new": True}
        sent = Message("topic", type, "key", data, recorded_at=process.clock())
        with process.database.transaction() as session:
            handle(session, process, read("topic", b"key", sent.value(), sent.headers()))
