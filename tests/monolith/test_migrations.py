import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from sqlalchemy import create_engine, inspect, text

from kit.turn import turn


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


ASKED_FOR_A_TURN = text(
    "select count(*) from pg_stat_activity where datname = current_database() "
    "and query like '%try_advisory%' and pid <> pg_backend_pid()"
)


def test_releases_at_once_on_an_empty_database_all_succeed(own_database_url, eventually):
    before = tables(own_database_url)
    with psycopg.connect(own_database_url) as connection:
        connection.execute(f"drop table {', '.join(before)} cascade")
    engine = create_engine(own_database_url, isolation_level="AUTOCOMMIT")

    with ThreadPoolExecutor() as pool, engine.connect() as watching, engine.connect() as other:
        with turn(other):
            releases = [pool.submit(alembic, own_database_url, "upgrade", "head") for _ in range(2)]
            eventually(lambda: watching.scalar(ASKED_FOR_A_TURN) == 3, within=60)
        for release in releases:
            release.result()

    engine.dispose()
    assert tables(own_database_url) == before


def test_a_release_without_its_database_ends_with_one_line(own_database_url):
    with pytest.raises(subprocess.CalledProcessError) as ended:
        alembic(own_database_url.replace("/own", "/nowhere"), "upgrade", "head")

    assert len(ended.value.stderr.strip().splitlines()) == 1
    assert 'database "nowhere" does not exist' in ended.value.stderr
