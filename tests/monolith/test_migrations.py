import os
import subprocess
import sys

import psycopg
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


ROWS = """
insert into venues values ('v', 'Lantern Hall', 'Lisbon', 'Portugal');
insert into events
values ('e', 'Small Hours', 'Paper Lanterns', 'indie', 'v', '2030-06-01T19:30Z', 'EUR', 5);
insert into seats
select 's' || n, 'e', n, 'Stalls', 'A', n, 4500, case when n < 3 then 'sold' else 'free' end
from generate_series(1, 5) n;
insert into accounts
values ('a', 'ada@encore.example', 'Ada', '', '2030-01-01Z', 'customer', 'cus_1');
insert into bookings values
('b', 'a', 'e', 'h', 9000, 'EUR', '2030-01-02Z', 'confirmed'),
('c', 'a', 'e', 'i', 9000, 'EUR', '2030-01-02Z', 'declined');
insert into booking_seats values ('b', 's1'), ('b', 's2');
insert into payments values ('p', 'b', 'charge', 9000, 'EUR', 'succeeded', '2030-01-02Z', 'pi_1');
insert into tastes values ('a', 'e', 1);
"""


def everything(database_url):
    """{table: rows as text}"""
    with psycopg.connect(database_url) as connection:
        names = [
            name
            for (name,) in connection.execute(
                "select tablename from pg_tables where schemaname = 'public' order by 1"
            )
        ]
        return {
            name: [row for (row,) in connection.execute(f"select t::text from {name} t order by 1")]
            for name in names
            if name != "alembic_version"
        }


def test_old_rows_survive_upgrade_downgrade_and_upgrade(own_database_url):
    alembic(own_database_url, "downgrade", "0004")
    with psycopg.connect(own_database_url) as connection:
        connection.execute(ROWS)
        connection.execute(
            "insert into claims select id, event_id, null, 'infinity' from seats "
            "where status = 'sold' on conflict do nothing"
        )
    before = everything(own_database_url)

    alembic(own_database_url, "upgrade", "head")
    after = everything(own_database_url)
    alembic(own_database_url, "downgrade", "0004")
    assert everything(own_database_url) == before
    alembic(own_database_url, "upgrade", "head")

    assert everything(own_database_url) == after
    assert after["claims"] == ["(s1,e,,infinity)", "(s2,e,,infinity)"]
    assert after["customers"] == ["(a,cus_1)"]


def test_temporary_triggers_and_old_columns_are_dropped(own_database_url):
    with psycopg.connect(own_database_url) as connection:
        assert (
            connection.execute("select tgname from pg_trigger where not tgisinternal").fetchall()
            == []
        )
        columns = set(
            connection.execute(
                "select table_name, column_name from information_schema.columns"
            ).fetchall()
        )
        assert not columns & {("seats", "status"), ("accounts", "customer_id")}
