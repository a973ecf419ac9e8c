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
values ('e', 'Small Hours', 'Paper Lanterns', 'indie', 'v', '2030-06-01T19:30Z', 'EUR');
insert into seats
select 's' || n, 'e', n, 'Stalls', 'A', n, 4500, case when n < 3 then 'sold' else 'free' end
from generate_series(1, 5) n;
insert into accounts
values ('a', 'ada@encore.example', 'Ada', '', '2030-01-01Z', 'customer', 'cus_1');
insert into bookings values
('b', 'a', 'e', 'h', 9000, 'EUR', '2030-01-02Z', 'confirmed'),
('c', 'a', 'e', 'i', 9000, 'EUR', '2030-01-02Z', 'declined');
insert into booking_seats values ('b', 's1'), ('b', 's2');
insert into payments (id, booking_id, kind, amount, currency, status, created_at) values
    ('p', 'b', 'charge', 9000, 'EUR', 'succeeded', '2030-01-02Z');
"""


def test_old_rows_survive_upgrade_downgrade_and_upgrade(own_database_url):
    def everything():
        with psycopg.connect(own_database_url) as connection:
            names = [
                name
                for (name,) in connection.execute(
                    "select tablename from pg_tables where schemaname = 'public' order by 1"
                )
            ]
            return {
                name: [
                    row for (row,) in connection.execute(f"select t::text from {name} t order by 1")
                ]
                for name in names
                if name != "alembic_version"
            }

    alembic(own_database_url, "downgrade", "0001")
    with psycopg.connect(own_database_url) as connection:
        connection.execute(ROWS)
    before = everything()

    alembic(own_database_url, "upgrade", "head")
    after = everything()
    alembic(own_database_url, "downgrade", "0001")
    assert everything() == before
    alembic(own_database_url, "upgrade", "head")

    assert everything() == after
    assert after["tastes"] == ["(a,e,1)"]
    assert [event.rpartition(",")[2] for event in after["events"]] == ["5)"]
    assert after["claims"] == ["(s1,e,,infinity)", "(s2,e,,infinity)"]
    assert after["customers"] == ["(a,cus_1)"]
    assert after["booking_seats"] == ["(b,s1,1)", "(b,s2,2)"]
    assert [payment.rpartition(",")[2] for payment in after["payments"]] == ["a)"]


def test_an_interrupted_backfill_continues_and_shows_progress(own_database_url):
    alembic(own_database_url, "downgrade", "0002")
    with psycopg.connect(own_database_url) as connection:
        connection.execute(ROWS)
        connection.execute(
            """insert into seats select 't' || n, 'e', n, 'Stalls', 'A', n, 4500, 'sold' "
            "from generate_series(6, 2503) n"""
        )
    alembic(own_database_url, "upgrade", "0003")
    with psycopg.connect(own_database_url) as connection:
        connection.execute(
            """insert into claims select id, event_id, null, 'infinity' from seats "
            "where status = 'sold' order by id limit 1200"""
        )

    output = alembic(own_database_url, "upgrade", "head")

    assert [line for line in output.splitlines() if "sold" in line] == [
        f"copied {count} sold seats" for count in (1000, 2000, 2500)
    ]
    with psycopg.connect(own_database_url) as connection:
        assert connection.execute(
            "select count(*) from claims where until = 'infinity'"
        ).fetchone() == (2500,)


def test_old_and_new_code_see_each_others_writes(
    own_database_url,
):
    with psycopg.connect(own_database_url, autocommit=True) as connection:
        connection.execute(ROWS)

        def sold():
            claims = {
                seat
                for (seat,) in connection.execute(
                    "select seat_id from claims where until = 'infinity'"
                )
            }
            return claims, {
                seat for (seat,) in connection.execute("select id from seats where status = 'sold'")
            } - {"s1", "s2"}

        connection.execute("update seats set status = 'sold' where id = 's3'")
        connection.execute("insert into claims values ('s4', 'e', null, 'infinity')")
        assert sold() == ({"s3", "s4"}, {"s3", "s4"})
        connection.execute("delete from claims where seat_id = 's3'")
        connection.execute("update seats set status = 'free' where id = 's4'")
        assert sold() == (set(), set())
        assert connection.execute("select * from customers").fetchall() == [("a", "cus_1")]
        positions = "select seat_id, position from booking_seats order by 1"
        assert connection.execute(positions).fetchall() == [("s1", 1), ("s2", 2)]
        assert connection.execute("select account_id from payments").fetchall() == [("a",)]
