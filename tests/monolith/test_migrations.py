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
    alembic(own_database_url, "downgrade", "0004")
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
        "ended_sessions",
        "events",
        "holds",
        "idempotency_keys",
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


def test_versions_of_bookings_survive_a_way_back(own_database_url):
    alembic(own_database_url, "downgrade", "0004")
    with psycopg.connect(own_database_url) as connection:
        connection.execute(ROWS)
    alembic(own_database_url, "upgrade", "head")
    with psycopg.connect(own_database_url) as connection:
        connection.execute("update bookings set version = 3 where id = 'b'")

    for revision in ("0004", "head") * 2:
        alembic(own_database_url, "upgrade" if revision == "head" else "downgrade", revision)

    with psycopg.connect(own_database_url) as connection:
        versions = connection.execute("select id, version from bookings order by id").fetchall()
    assert versions == [("b", -3), ("c", 0)]


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


def test_pending_bookings_survive_the_way_back_and_forth(own_database_url):
    with psycopg.connect(own_database_url) as connection:
        connection.execute(
            "insert into bookings values "
            "('b', 'a', 'e', 'h', 9000, 'EUR', '2030-01-02Z', 'pending', 1),"
            "('c', 'a', 'e', 'i', 9000, 'EUR', '2030-01-02Z', 'cancelling', 3)"
        )
    before = everything(own_database_url)

    alembic(own_database_url, "downgrade", "0005")
    between = everything(own_database_url), rights_on_the_inbox(own_database_url)
    alembic(own_database_url, "upgrade", "head")

    assert between[0] == {table: before[table] for table in between[0]}
    assert between[1] == {"notifications", "payments", "recommendations"}
    assert everything(own_database_url) == before
    assert rights_on_the_inbox(own_database_url) - between[1] == {"bookings", "catalog", "sessions"}


def test_the_code_of_the_step_before_may_go_on_writing(own_database_url):
    with psycopg.connect(own_database_url) as connection:
        connection.execute('set role "monolith_bookings"')
        written = connection.execute(
            "insert into holds values ('h', 'a', 'e', array['s'], 1, 'EUR', now(), false)"
        )

        assert written.rowcount == 1


def rights_on_the_inbox(database_url):
    """The modules whose role may insert into the inbox."""
    with psycopg.connect(database_url) as connection:
        rows = connection.execute(
            "select split_part(grantee, '_', 2) from information_schema.role_table_grants "
            "where table_name = 'inbox' and privilege_type = 'INSERT' and grantee <> current_user"
        ).fetchall()
    return {module for (module,) in rows}


def test_temporary_triggers_and_old_columns_are_dropped(own_database_url):
    with psycopg.connect(own_database_url) as connection:
        triggers = connection.execute("select tgname from pg_trigger where not tgisinternal")
        assert {name for (name,) in triggers.fetchall()} == {"check_epoch"}
        columns = set(
            connection.execute(
                "select table_name, column_name from information_schema.columns"
            ).fetchall()
        )
        assert not columns & {("seats", "status"), ("accounts", "customer_id")}
