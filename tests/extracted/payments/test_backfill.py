"""The rows of payments are copied while others write, there and back, whenever it is killed."""

import os
import subprocess
import sys

import psycopg
import pytest

from extracted.payments.backfill import move
from extracted.payments.ledger import Ledger
from tools.lab.ground.tree import HERE

CHUNKS = {"customers": 2, "payments": 4, "inbox": 2}  # of three rows; the last has fewer
READ = {
    "customers": "select account_id, provider_id from customers order by 1",
    "payments": """
        select id, booking_id, account_id, kind, amount, currency, status, created_at,
          provider_id, version
        from payments order by 1""",
    "inbox": "select message_id, received_at from inbox where consumer = 'payments' order by 1",
}
ADD = """
insert into payments (id, booking_id, kind, amount, currency, status, created_at)
values (%s, 'b1', 'refund', 4501, 'EUR', 'succeeded', now())"""
MESSAGE = """
insert into outbox (message_id, topic, type, key, data, traceparent, published_at)
values (%s, 'payments', 'payment.refunded', 'b1', '{"amount": 1}', 'trace', %s)"""
LOCKS = """
select count(*) from pg_locks where relation = 'payments'::regclass and pid <> pg_backend_pid()
and database = (select oid from pg_database where datname = current_database())"""


class Killed(BaseException):
    """What kill -9 does to a run: nothing after it is carried out."""


@pytest.fixture
def backfill(database_url, service_url):
    """A function: one run in chunks of three rows; what it prints."""

    def backfill(*, back=False, last=False, ledger=Ledger):
        lines = []
        options = {"chunk": 3, "rest": 0, "ledger": ledger, "tell": lines.append}
        move(database_url, service_url, back=back, last=last, **options)
        return lines

    return backfill


def dying(at, moment):
    """A Ledger whose process dies just before or after it notes the chunk at this place."""

    class Dying(Ledger):
        noted = 0

        def note(self, *which, **found):
            is_its_end = self.noted == at
            if moment == "after" or not is_its_end:
                super().note(*which, **found)
            if is_its_end:
                raise Killed
            self.noted += 1

    return Dying


def rows(connection):
    return {table: connection.execute(query).fetchall() for table, query in READ.items()}


def ids(connection):
    return [id for (id,) in connection.execute("select id from payments order by 1")]


def noted(service):
    """{(run, table): how many chunks the ledger has}"""
    counted = "select run, source, count(*) from backfill_chunks group by run, source"
    return {(run, source): count for run, source, count in service.execute(counted)}


def test_all_rows_are_copied_with_all_their_values(monolith, service, filled, backfill):
    filled(monolith)

    lines = backfill()

    assert rows(service) == rows(monolith)
    assert [len(each) for each in rows(service).values()] == [5, 9, 4]
    assert service.execute("select count(*) from inbox").fetchone() == (4,)
    assert noted(service) == {(1, table): count for table, count in CHUNKS.items()}
    assert lines == [
        "customers: 5 rows compared, 5 copied",
        "payments: 9 rows compared, 9 copied",
        "inbox: 4 rows compared, 4 copied",
    ]


def test_a_later_run_copies_what_has_changed_since(monolith, service, filled, backfill):
    filled(monolith)
    backfill()
    monolith.execute(ADD, ["p0"])
    monolith.execute("update customers set provider_id = 'cus_new' where account_id = 'a2'")

    lines = backfill(last=True)

    assert rows(service) == rows(monolith)
    assert lines == [
        "customers: 5 rows compared, 1 copied",
        "payments: 10 rows compared, 1 copied",
        "inbox: 4 rows compared, 0 copied",
    ]


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("chunk", range(sum(CHUNKS.values())))
def test_a_run_that_was_killed_goes_on_after_its_last_chunk(
    monolith, service, filled, backfill, chunk, moment
):
    filled(monolith)
    with pytest.raises(Killed):
        backfill(ledger=dying(chunk, moment))
    done = sum(noted(service).values())

    backfill()

    assert done == chunk + (moment == "after")
    assert rows(service) == rows(monolith)
    assert {table: noted(service)[1, table] for table in CHUNKS} == CHUNKS


@pytest.mark.parametrize("chunk", range(sum(CHUNKS.values())))
def test_a_run_back_that_was_killed_goes_on_too(monolith, service, filled, backfill, chunk):
    filled(service)
    with pytest.raises(Killed):
        backfill(back=True, ledger=dying(chunk, "before"))

    backfill(back=True)

    assert rows(monolith) == rows(service)
    assert {run for run, _ in noted(service)} == {1}


def test_a_process_that_is_killed_goes_on(
    monolith, service, filled, database_url, service_url, eventually
):
    filled(monolith)
    environment = {"DATABASE_URL": service_url, "MONOLITH_DATABASE_URL": database_url}
    command = [sys.executable, "-m", "extracted.payments.backfill", "--chunk", "1"]
    options = {"cwd": HERE.path, "env": {**os.environ, **environment}}

    with subprocess.Popen([*command, "--rest", "100"], **options) as process:
        eventually(lambda: sum(noted(service).values()) > 2, within=60)
        process.kill()
    subprocess.run([*command, "--rest", "0"], check=True, timeout=60, **options)

    assert rows(service) == rows(monolith)
    assert {run for run, _ in noted(service)} == {1}


def test_the_last_run_begins_at_the_first_key(monolith, service, filled, backfill):
    filled(monolith)
    with pytest.raises(Killed):
        backfill(ledger=dying(4, "after"))
    monolith.execute(ADD, ["p0"])

    backfill(last=True)

    assert rows(service) == rows(monolith)


def test_a_transaction_that_is_open_holds_nobody_up(
    monolith, service, filled, backfill, database_url
):
    filled(monolith)
    with psycopg.connect(database_url) as writer:
        writer.execute(ADD, ["p0"])
        writer.execute("update customers set provider_id = 'cus_new' where account_id = 'a2'")

        backfill()

        before = ids(service)
    backfill(last=True)

    assert "p0" not in before
    assert rows(service) == rows(monolith)


def test_no_lock_is_held_between_two_chunks(monolith, filled, backfill):
    locks = []

    class Watched(Ledger):
        def note(self, *which, **found):
            super().note(*which, **found)
            locks.append(monolith.execute(LOCKS).fetchone()[0])

    filled(monolith)

    backfill(ledger=Watched)

    assert locks == [0] * sum(CHUNKS.values())


def test_what_the_service_has_written_comes_back(monolith, service, filled, backfill):
    filled(monolith)
    backfill()
    service.execute(ADD, ["p0"])
    service.execute("update customers set provider_id = 'cus_new' where account_id = 'a2'")
    service.execute("insert into inbox (consumer, message_id) values ('payments', 'm0')")

    backfill(back=True)
    backfill(back=True, last=True)

    assert rows(monolith) == rows(service)
    assert ids(monolith)[0] == "p0"
    assert {line.split(", ")[1] for line in backfill(last=True)} == {"0 copied"}


@pytest.mark.parametrize("is_interrupted", [False, True])
def test_unpublished_messages_go_back_once_and_in_order(
    monolith, service, backfill, is_interrupted
):
    for connection in (service, *[monolith] * is_interrupted):
        connection.execute(MESSAGE, ["later", None])
        connection.execute(MESSAGE, ["earlier", None])
    service.execute(MESSAGE, ["published", "2030-01-01Z"])

    backfill(back=True, last=True)

    left = "select message_id, data, traceparent from outbox where published_at is null order by id"
    assert monolith.execute(left).fetchall() == [
        ("later", {"amount": 1}, "trace"),
        ("earlier", {"amount": 1}, "trace"),
    ]
    assert service.execute("select message_id from outbox").fetchall() == [("published",)]


def test_messages_stay_while_the_service_still_publishes(monolith, service, backfill):
    service.execute(MESSAGE, ["recorded", None])

    backfill(back=True)
    backfill(last=True)

    assert monolith.execute("select count(*) from outbox").fetchone() == (0,)
    assert service.execute("select message_id from outbox").fetchall() == [("recorded",)]


@pytest.mark.parametrize("command", ["backfill", "verify"])
@pytest.mark.parametrize(
    ("url", "code", "cause"),
    [
        ("", 2, "encore: MONOLITH_DATABASE_URL is not set (see docs/settings.md)"),
        ("postgresql://a:b@127.0.0.1:1/c", 1, "encore: connection"),
    ],
)
def test_what_cannot_be_done_is_one_line(service_url, command, url, code, cause):
    environment = {"DATABASE_URL": service_url, "MONOLITH_DATABASE_URL": url}

    ended = subprocess.run(
        [sys.executable, "-m", f"extracted.payments.{command}"],
        cwd=HERE.path,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert (ended.returncode, len(ended.stderr.splitlines())) == (code, 1), ended.stderr
    assert ended.stderr.startswith(cause)
