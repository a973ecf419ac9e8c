"""The service processes the samples of docs/events, and publishes what its schemas describe."""

import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator, FormatChecker

from extracted.payments.worker import GROUPS

FOLDER = Path("docs/events")


@pytest.fixture
def errors():
    """A function: what is wrong with a message, by the schema of its type."""

    def errors(message):
        schema = json.loads((FOLDER / f"{message.type}.schema.json").read_text())
        validator = Draft202012Validator(schema, format_checker=FormatChecker())
        return [error.message for error in validator.iter_errors(message.data)]

    return errors


def test_every_published_message_matches_its_schema(order, end, published, errors):
    cancelled, declined = order(), order("pm_card_visa_chargeDeclined")
    end(cancelled, "cancelled")

    messages = published(cancelled) + published(declined)

    assert [message.type for message in messages] == [
        "payment.authorised",
        "payment.refunded",
        "payment.declined",
    ]
    assert [errors(message) for message in messages] == [[], [], []]
    assert [message.data["aggregate_version"] for message in messages] == [1, 2, 1]


def test_samples_with_an_unknown_field_are_processed(deliver, topic_of, rows):
    types = [type for module in GROUPS.values() for type in module.HANDLERS]

    deliver(*((topic_of[type], type, {"new": True}) for type in types))

    assert rows("select * from dead_letters") == []
    assert rows("select count(*) from account_names") == [(1,)]
    assert rows("select count(*) from ended_sessions") == [(1,)]
