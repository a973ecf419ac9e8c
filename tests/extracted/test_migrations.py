"""The tables of a service can be made, removed and made again."""

import os
import subprocess
import sys

import pytest
from sqlalchemy import create_engine, inspect

from tools.lab.ground.tree import HERE

SERVICES = [owner for owner in HERE.owners if owner != "monolith"]


def alembic(service, url, *words):
    configuration = f"migrations/{service}/alembic.ini"
    return subprocess.run(
        [sys.executable, "-m", "alembic", "-c", configuration, *words],
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


@pytest.mark.parametrize("service", SERVICES)
def test_the_schema_can_be_removed_and_recreated(service, database_url_of):
    url = database_url_of(service)
    before = tables(url)

    alembic(service, url, "downgrade", "base")
    assert tables(url) == {"alembic_version"}
    alembic(service, url, "upgrade", "head")

    assert tables(url) == before > {"alembic_version"}


@pytest.mark.parametrize("service", SERVICES)
def test_the_schema_matches_the_models(service, database_url_of):
    checked = alembic(service, database_url_of(service), "check")

    assert "No new upgrade operations detected." in checked
