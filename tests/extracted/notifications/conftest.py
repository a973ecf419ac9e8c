"""Notifications in this process, with the lab's mail server."""

from types import SimpleNamespace

import pytest

from extracted.notifications.worker import GROUPS, Process


@pytest.fixture
def process(services, database_url_of):
    settings = SimpleNamespace(
        database_url=database_url_of("notifications"),
        smtp_url=services.settings["SMTP_URL"],
        mail_from="tickets@encore.example",
    )
    process = Process(settings)
    yield process
    process.database.dispose()


@pytest.fixture
def deliver(consumed_by, process):
    """A function: publish (topic, type, changes to the sample); one or all groups consume."""
    return consumed_by(GROUPS, process, process.database)
