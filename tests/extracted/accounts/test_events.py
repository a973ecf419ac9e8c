"""The service publishes what the schemas of docs/events describe, and never a credential."""

import json
from pathlib import Path

from jsonschema import Draft202012Validator, FormatChecker

FOLDER = Path("docs/events")
SEED = ["seed", "--fan-password", "f-of-encore", "--organiser-password", "o-of-encore"]
TYPES = ["account.registered", "account.registered", "session.ended"]


def errors(message):
    schema = json.loads((FOLDER / f"{message.type}.schema.json").read_text())
    validator = Draft202012Validator(schema, format_checker=FormatChecker())
    return [error.message for error in validator.iter_errors(message.data)]


def test_every_published_message_matches_its_schema(sign_up, published):
    ada, olga = sign_up("ada"), sign_up("olga", role="organiser")
    ada.delete("/api/sessions")
    ada.delete("/api/sessions")

    messages = published()

    assert [message.type for message in messages] == TYPES
    assert [message.key for message in messages[:2]] == [ada.id, olga.id]
    assert [error for message in messages for error in errors(message)] == []
    assert {message.data["aggregate_version"] for message in messages} == {1}
    assert not any(message.snapshot for message in messages)


def test_no_message_has_a_credential(sign_up, published, command):
    command(*SEED)
    ada = sign_up("ada", role="organiser")
    cookie = ada.get_cookie("encore_session").value
    ada.delete("/api/sessions")

    text = json.dumps([message.data for message in published()])

    assert "ada@encore.example" in text
    secrets = ("$argon2", "correct horse", "-of-encore", cookie)
    assert [secret for secret in secrets if secret in text] == []
