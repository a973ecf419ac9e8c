"""The service in this process, on a database of its own and a broker in memory."""

import json
import uuid
from datetime import UTC, datetime
from pathlib import Path

import pytest

from extracted.kit import memory
from extracted.kit.message import Message
from extracted.kit.worker import consumer
from extracted.notifications.mailer import Away
from extracted.notifications.worker import GROUPS, Process

SAMPLES = Path("docs/events")


@pytest.fixture
def process(services):
    server = services.servers["notifications"]
    server.create("one_test", role="notifications", template="notifications")
    settings = {"database_url": server.url("notifications").rsplit("/", 1)[0] + "/one_test", "smtp_url": services.settings["SMTP_URL"]}
    process = Process({**settings, "mail_from": "tickets@encore.example"})
    yield process
    process.engine.dispose()
    server.drop("one_test")


@pytest.fixture
def broker():
    return memory.Broker(partitions=1)


@pytest.fixture
def hear(process, broker):
    """Say (topic, type, changes to the sample), and let a group hear what it has not heard yet; all groups, unless one is named."""
    consumers = {group: consumer(group, part, process, broker.source(group, part.TOPICS), process.transaction, (Away,)) for group, part in GROUPS.items()}

    def hear(*facts, only=None, announced=False):
        broker.send([message(*fact, announced=announced) for fact in facts])
        for group, each in consumers.items():
            if only in (None, group):
                each.step()

    return hear


def message(topic, type, changes, announced=False):
    data = json.loads((SAMPLES / f"{type}.sample.json").read_text()) | changes
    return Message(uuid.uuid4().hex, topic, type, data.get("id", "key"), data, datetime.now(UTC), announced=announced)
