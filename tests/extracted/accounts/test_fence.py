"""The fence refuses writes in the database, after those that have begun; the service's requests
wait while it is closed."""

import threading
from types import SimpleNamespace

import psycopg
import pytest
from flask import Flask
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from extracted.accounts import fence
from kit import http
from kit.database import Database
from kit.failures import is_outage
from kit.refusals import Unavailable
from tests.extracted.accounts import servers
from tools.lab.ground.waiting import eventually

both, pair = servers.both, servers.pair
ADD = """
insert into accounts (id, email, name, password_hash, created_at, role)
values ('{0}', '{0}@encore.example', 'Ada', 'hash', now(), 'customer')"""
END = "insert into ended_sessions values ('s1', now(), 1)"


@pytest.fixture
def accounts(pair):
    """A connection to the database of accounts."""
    with pair.connect("accounts") as connection:
        yield connection


@pytest.fixture
def database(pair):
    database = Database(pair.url("accounts"), connections=2)
    yield database
    database.dispose()


@pytest.mark.parametrize(
    "write", [ADD.format("a1"), END, "update accounts set name = 'Eve'", "delete from accounts"]
)
def test_a_closed_fence_refuses_every_write_and_an_open_one_none(accounts, write):
    fence.close(accounts)
    fence.close(accounts)

    with pytest.raises(psycopg.errors.CannotConnectNow, match="the fence of accounts is closed"):
        accounts.execute(write)
    assert accounts.execute("select count(*) from accounts").fetchone() == (0,)

    fence.open_(accounts)
    fence.open_(accounts)
    accounts.execute(write)
    assert not fence.is_closed(accounts)


def test_an_open_fence_leaves_no_function_behind(accounts):
    fence.close(accounts)
    fence.open_(accounts)

    assert accounts.execute("select to_regproc('refuse_write')").fetchone() == (None,)


def test_a_refused_write_is_answered_as_503(accounts, database):
    app = Flask(__name__)
    http.init_app(app, instance="web")

    @app.post("/")
    def write():
        with database.transaction() as session:
            session.execute(text(ADD.format("a1")))

    fence.close(accounts)

    answer = app.test_client().post("/")

    assert (answer.status_code, answer.json["type"]) == (503, "unavailable")
    assert answer.headers["Retry-After"] == "5"


def test_a_consumer_waits_for_the_fence(accounts, database):
    fence.close(accounts)

    with pytest.raises(OperationalError) as refused, database.transaction() as session:
        session.execute(text(ADD.format("a1")))

    assert is_outage(refused.value)


def test_the_fence_closes_after_a_transaction_that_has_written(pair, accounts):
    with psycopg.connect(pair.url("accounts")) as held, pair.connect("accounts") as other:
        held.execute(ADD.format("held"))
        closing = threading.Thread(target=fence.close, args=[accounts])
        closing.start()
        waiting = "select exists (select from pg_locks where not granted and mode ~ 'Share')"
        eventually(lambda: other.execute(waiting).fetchone()[0])

        other.execute(ADD.format("beside"))  # nobody queues behind the fence for long
        assert not fence.is_closed(other)
        held.commit()
        closing.join()

        assert fence.is_closed(other)
        found = other.execute("select id from accounts order by id").fetchall()
        assert found == [("beside",), ("held",)]


def test_a_lock_that_is_never_free_ends_the_attempt(pair, accounts):
    with psycopg.connect(pair.url("accounts")) as held:
        held.execute(ADD.format("held"))

        with pytest.raises(psycopg.errors.LockNotAvailable):
            fence.execute_with_lock(accounts, "truncate accounts", within=0)


def test_a_request_waits_until_the_fence_is_open(accounts, database):
    fence.close(accounts)
    process = SimpleNamespace(database=database)
    ended = []

    def request():
        fence.wait_until_open(process)
        ended.append("served")

    waiting = threading.Thread(target=request)
    waiting.start()
    waiting.join(0.2)
    assert (waiting.is_alive(), ended) == (True, [])

    fence.open_(accounts)
    waiting.join(10)

    assert ended == ["served"]


def test_a_request_that_has_waited_for_too_long_is_refused(accounts, database):
    fence.close(accounts)

    with pytest.raises(Unavailable, match="Nothing was done; please try again"):
        fence.wait_until_open(SimpleNamespace(database=database), within=0.1)


def test_a_request_waits_while_one_of_the_tables_is_fenced(accounts, database):
    fence.close(accounts)
    accounts.execute("drop trigger fence on accounts")

    with pytest.raises(Unavailable):
        fence.wait_until_open(SimpleNamespace(database=database), within=0)


def test_a_request_does_not_wait_at_an_open_fence(database):
    fence.wait_until_open(SimpleNamespace(database=database), within=0)
