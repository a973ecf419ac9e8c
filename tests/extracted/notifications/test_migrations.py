import os
import subprocess
import sys

import pytest
from sqlalchemy import create_engine, inspect


@pytest.fixture
def url(services):
    server = services.servers["notifications"]
    server.create("own", role="notifications", template="notifications")
    yield server.url("notifications").rsplit("/", 1)[0] + "/own"
    server.drop("own")


def alembic(url, *words):
    command = [
        sys.executable,
        "-m",
        "alembic",
        "-c",
        "migrations/notifications/alembic.ini",
        *words,
    ]
    return subprocess.run(
        command,
        env={**os.environ, "DATABASE_URL": url},
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    ).stdout


def tables(url):
    engine = create_engine(url)
    names = set(inspect(engine).get_table_names())
    engine.dispose()
    return names


def test_the_schema_can_be_removed_and_recreated(url):
    before = tables(url)

    alembic(url, "downgrade", "base")
    assert tables(url) == {"alembic_version"}
    alembic(url, "upgrade", "head")

    assert (
        tables(url)
        == before
        == {"alembic_version", "addresses", "concerts", "dead_letters", "inbox", "mails"}
    )


def test_the_schema_matches_the_models(url):
    assert "No new upgrade operations detected." in alembic(url, "check")
