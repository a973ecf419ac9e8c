"""A service in this process, with its own database and an in-memory broker."""

import json
import re
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from kit import memory
from kit.message import Message
from kit.tokens import ALGORITHM, COOKIE, ISSUER, parse_key
from kit.worker import consumer

FOLDER = Path("docs/events")


@pytest.fixture
def database_url_of(services):
    """A function: the URL of a new, migrated, empty database of a service."""
    with ExitStack() as stack:

        def database_url_of(service):
            server = services.servers[service]
            server.create("one_test", role=service, template=service)
            stack.callback(server.drop, "one_test")
            return server.url(service).rsplit("/", 1)[0] + "/one_test"

        yield database_url_of


@pytest.fixture
def sign_in(app, lab_services):
    """A function: a client with a session token of an account; changes are claims."""
    key_id, key = parse_key(lab_services.session_key, Ed25519PrivateKey.from_private_bytes)

    def sign_in(account_id, *, signed_with=key, **changes):
        claims = {
            "sub": account_id,
            "sid": f"session of {account_id}",
            "role": "customer",
            "exp": app.extensions["process"].clock() + timedelta(hours=1),
            "iss": ISSUER,
            "aud": ISSUER,
            **changes,
        }
        client = app.test_client()
        client.set_cookie(COOKIE, jwt.encode(claims, signed_with, ALGORITHM, {"kid": key_id}))
        return client

    return sign_in


@pytest.fixture
def broker():
    return memory.Broker(partitions=1)


@pytest.fixture
def consumed_by(broker):
    """A function: let groups consume; it returns a function that publishes samples as (topic, type,
    changes), and lets one or all of the groups consume."""

    def consumed_by(groups, process, database):
        consumers = {
            group: consumer(group, module, process, broker.source(group, module.TOPICS), database)
            for group, module in groups.items()
        }

        def deliver(*samples, only=None, snapshot=False):
            broker.send([message(*sample, snapshot=snapshot) for sample in samples])
            for group, each in consumers.items():
                if only in (None, group):
                    each.step()

        return deliver

    return consumed_by


def message(topic, type, changes, snapshot=False):
    data = json.loads((FOLDER / f"{type}.sample.json").read_text()) | changes
    return Message(
        topic,
        type,
        data.get("id", "key"),
        data,
        recorded_at=datetime.now(UTC),
        snapshot=snapshot,
    )


@pytest.fixture
def topic_of():
    """{type: the topic on which docs/events says that it is published}"""
    lines = (FOLDER / "README.md").read_text().splitlines()
    table = [line for line in lines if line.startswith("|")]
    return {
        type: line.split("`")[1] for line in table for type in re.findall(r"`(\w+\.\w+)`", line)
    }
