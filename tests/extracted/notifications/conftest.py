"""The service in this process, with its own database and an in-memory broker."""

import json
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import pytest

from extracted.notifications.worker import GROUPS, Process
from kit import memory
from kit.message import Message
from kit.worker import consumer

SAMPLES = Path("docs/events")


@pytest.fixture
def process(services):
    server = services.servers["notifications"]
    server.create("one_test", role="notifications", template="notifications")
    settings = SimpleNamespace(
        database_url=server.url("notifications").rsplit("/", 1)[0] + "/one_test",
        smtp_url=services.settings["SMTP_URL"],
        mail_from="tickets@encore.example",
    )
    process = Process(settings)
    yield process
    process.database.dispose()
    server.drop("one_test")


@pytest.fixture
def broker():
    return memory.Broker(partitions=1)


@pytest.fixture
def deliver(process, broker):
    """A function: publish (topic, type, changes to the sample); one or all groups consume."""
    consumers = {
        group: consumer(
            group, module, process, broker.source(group, module.TOPICS), process.database
        )
        for group, module in GROUPS.items()
    }

    def deliver(*samples, only=None, snapshot=False):
        broker.send([message(*sample, snapshot=snapshot) for sample in samples])
        for group, each in consumers.items():
            if only in (None, group):
                each.step()

    return deliver


def message(topic, type, changes, snapshot=False):
    data = json.loads((SAMPLES / f"{type}.sample.json").read_text()) | changes
    return Message(
        topic,
        type,
        data.get("id", "key"),
        data,
        recorded_at=datetime.now(UTC),
        snapshot=snapshot,
    )
