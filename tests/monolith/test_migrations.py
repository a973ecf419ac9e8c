import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

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


BLOCKING = """
select unnest(pg_blocking_pids(pid)) from pg_stat_activity
where datname = current_database() and wait_event_type = 'Lock'
"""


def test_others_go_on_while_a_migration_waits_for_a_table(own_database_url, eventually):
    """Each table has a transaction that writes to it, until the migration waits for that."""
    alembic(own_database_url, "downgrade", "0002")
    in_use = tables(own_database_url)
    writers, waited_for = {}, set()
    with ThreadPoolExecutor() as pool, ExitStack() as connections:

        def write_to(table, connection):
            connection.execute(f"lock table {table} in row exclusive mode")

        def connect(**options):
            return connections.enter_context(psycopg.connect(own_database_url, **options))

        def blocking():
            return [writers[pid] for (pid,) in watching.execute(BLOCKING) if pid in writers]

        watching, other = connect(autocommit=True), connect(options="-c lock_timeout=3s")
        for table in in_use:
            connection = connect()
            write_to(table, connection)
            writers[connection.info.backend_pid] = table, connection
        release = pool.submit(alembic, own_database_url, "upgrade", "head")
        while eventually(lambda: blocking() or release.done(), within=60) is not True:
            for table, connection in blocking():
                for each in in_use:
                    write_to(each, other)
                    other.rollback()
                waited_for.add(table)
                connection.rollback()
        release.result()

    assert waited_for == {
        "accounts",
        "booking_seats",
        "bookings",
        "claims",
        "events",
        "idempotency_keys",
        "mails",
        "payments",
        "seats",
    }


def test_an_index_that_an_interruption_left_invalid_is_built_again(own_database_url):
    invalid = "select count(*) from pg_index where not indisvalid"
    alembic(own_database_url, "downgrade", "0001")
    with (
        psycopg.connect(own_database_url, autocommit=True) as connection,
        psycopg.connect(own_database_url) as writer,
    ):
        writer.execute("lock table seats in row exclusive mode")
        connection.execute("set lock_timeout = '10ms'")
        with pytest.raises(psycopg.errors.LockNotAvailable):
            connection.execute("create index concurrently seats_sold on seats (event_id)")
        assert connection.execute(invalid).fetchone() == (1,)

    alembic(own_database_url, "upgrade", "head")

    with psycopg.connect(own_database_url) as connection:
        assert connection.execute(invalid).fetchone() == (0,)


def test_another_owner_on_the_server_has_roles_of_its_own(services):
    server = services.servers["monolith"]
    server.create("another")

    alembic(server.url("another"), "upgrade", "head")

    server.drop("another")


def test_a_release_that_may_not_create_roles_ends_with_one_line(services):
    server = services.servers["monolith"]
    server.create("modest")
    with server.connect() as connection:
        connection.execute("alter role modest nocreaterole")

    with pytest.raises(subprocess.CalledProcessError) as ended:
        alembic(server.url("modest"), "upgrade", "head")

    server.drop("modest")
    assert ended.value.stderr.startswith("encore: permission denied to create role; ")


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
