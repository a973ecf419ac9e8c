import os
import subprocess
import sys

from sqlalchemy import create_engine, inspect


def alembic(database_url, *words):
    command = [sys.executable, "-m", "alembic", "-c", "migrations/monolith/alembic.ini", *words]
    return subprocess.run(
        command,
        env={**os.environ, "DATABASE_URL": database_url},
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    ).stdout


def tables(database_url):
    engine = create_engine(database_url)
    names = set(inspect(engine).get_table_names())
    engine.dispose()
    return names


def test_the_schema_can_be_removed_and_recreated(own_database_url):
    before = tables(own_database_url)

    alembic(own_database_url, "downgrade", "base")
    assert tables(own_database_url) == {"alembic_version"}
    alembic(own_database_url, "upgrade", "head")

    assert tables(own_database_url) == before > {"accounts", "seats", "bookings"}


def test_the_schema_matches_the_models(own_database_url):
    assert "No new upgrade operations detected." in alembic(own_database_url, "check")
