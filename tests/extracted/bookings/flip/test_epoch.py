"""The epoch: only one side accepts writes, and a writer that was overtaken writes nothing."""

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import defaultdict
from itertools import product

import psycopg
import pytest
from psycopg.errors import LockNotAvailable, OperationalError
from sqlalchemy.exc import OperationalError as Refused

from extracted.bookings.move import TABLES, close, open_
from kit import epoch
from kit.failures import is_outage
from kit.refusals import Unavailable
from tests.extracted.bookings.flip.sides import SIDES, migration
from tools.lab.ground.tree import HERE

HOLD = """
insert into holds (id, account_id, event_id, seats, total, currency, expires_at, used)
values (%s, 'ada', 'event', '{}', 0, 'EUR', now(), false)"""

# none of them has to find a row: the trigger is one for each statement
STATEMENTS = (
    "insert into {table} select * from {table}",
    "update {table} set {column} = {column}",
    "delete from {table}",
)
A_COLUMN = {"booking_seats": "position", "idempotency_keys": "key"}


@pytest.fixture
def in_background():
    """A function: call a function in a thread; its result comes from the returned function."""
    threads = []

    def in_background(work, *values):
        results = []
        thread = threading.Thread(target=lambda: results.append(work(*values)))
        thread.start()
        threads.append(thread)

        def result():
            thread.join(30)
            return results[0]

        return result

    yield in_background
    for thread in threads:
        thread.join(30)


@pytest.fixture
def waits_for_the_lock(rows, eventually):
    """A function: wait until somebody waits for a lock of a side's epoch."""

    def waits_for_the_lock(side):
        waiting = "select from pg_locks where locktype = 'advisory' and not granted"
        eventually(lambda: rows(side, waiting))

    return waits_for_the_lock


def flip(sides, old, new):
    """Close the old side, then open the new one; the new number."""
    close(sides, old)
    return open_(sides, new)


@pytest.mark.parametrize("side", SIDES)
def test_a_closed_side_refuses_writes_of_each_table(sides, transaction, side):
    close(sides, side)
    connection = transaction(side)

    for table, statement in product(TABLES, STATEMENTS):
        with pytest.raises(OperationalError, match="bookings are written elsewhere") as refused:
            connection.execute(
                statement.format(table=table, column=A_COLUMN.get(table, "event_id"))
            )
        connection.rollback()
        assert refused.value.sqlstate == "57P03"


def test_both_migrations_guard_all_tables_that_move():
    assert all(set(migration(side).FENCED) == set(TABLES) for side in SIDES)


def test_a_refusal_is_an_outage_for_the_code_on_both_sides(sides, writers):
    close(sides, "monolith")

    for side in SIDES:  # nobody's transaction is ended, so nobody need ask for its outcome
        with pytest.raises(Refused) as refused:
            writers[side].hold("seat")
        assert is_outage(refused.value)


def test_the_open_side_writes(sides, writers, rows):
    flip(sides, "monolith", "bookings")

    writers["bookings"].buy("seat")

    assert rows("bookings", "select status from bookings") == [("pending",)]


def test_a_missing_row_refuses_writes(sides, transaction):
    connection = transaction("monolith")
    connection.execute("delete from epoch")

    with pytest.raises(OperationalError, match="bookings are written elsewhere"):
        connection.execute(HOLD, ["hold"])


@pytest.mark.parametrize("side", SIDES)
def test_a_snapshot_from_before_the_flip_writes_nothing(sides, transaction, side):
    open_side = {"monolith": "bookings", "bookings": "monolith"}[side]
    if not epoch.read(sides.of(side)[0])[1]:
        flip(sides, open_side, side)
    connection = transaction(side)
    connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
    connection.execute("select * from epoch")

    flip(sides, side, open_side)

    with pytest.raises(psycopg.Error):
        connection.execute(HOLD, ["hold"])


def test_closing_waits_for_transactions_that_have_written(
    sides, transaction, in_background, waits_for_the_lock, rows
):
    writer = transaction("monolith")
    writer.execute(HOLD, ["first"])
    closed = in_background(close, sides, "monolith")
    waits_for_the_lock("monolith")

    writer.execute(HOLD, ["second"])
    writer.commit()

    assert closed() == 2
    assert rows("monolith", "select id from holds order by id") == [("first",), ("second",)]


def test_closing_does_not_wait_for_transactions_that_only_read(sides, transaction):
    transaction("monolith").execute("select * from holds")

    assert close(sides, "monolith") == 2


def test_writers_that_wait_for_each_other_do_not_stop_the_flip(
    sides, transaction, in_background, waits_for_the_lock
):
    first, second = transaction("monolith"), transaction("monolith")
    first.execute(HOLD, ["hold"])
    first.commit()
    second.execute("select * from holds for update")
    first.execute(HOLD, ["other"])  # it has the lock shared, and will need the row
    closed = in_background(epoch.close, sides.monolith)
    waits_for_the_lock("monolith")
    needs_the_row = in_background(first.execute, "update holds set used = true where id = 'hold'")

    outcomes = []
    try:
        second.execute("update holds set used = true")  # it has the row, and needs the lock
        second.commit()
    except OperationalError as error:
        outcomes.append(error.sqlstate)
    second.close()
    needs_the_row()
    first.commit()

    assert outcomes in ([], ["57P03"])
    assert closed() == 2


def test_closing_twice_changes_the_number_once(sides):
    numbers = [close(sides, "monolith") for _ in range(2)]

    assert numbers == [2, 2]


def test_the_open_side_has_the_highest_number(sides):
    numbers = [flip(sides, *pair) for pair in (SIDES, SIDES[::-1], SIDES, SIDES[::-1])]

    assert numbers == sorted(set(numbers))
    assert epoch.read(sides.monolith) == (numbers[-1], True)
    assert epoch.read(sides.bookings)[0] < numbers[-1]


def test_many_writers_write_in_one_epoch_at_a_time(pair, sides, meanwhile, rows):
    wrote_in = defaultdict(set)  # {number of the epoch: the sides that were written to in it}
    acknowledged = []
    ended = []  # sessions that the flip ended, though their transactions were short

    def write(number, turn):
        side = random.choice(SIDES)
        hold = f"{number} {turn}"
        try:
            with psycopg.connect(pair.url(side)) as connection:
                connection.execute(HOLD, [hold])
                (its_epoch,) = connection.execute("select number from epoch").fetchone()
            wrote_in[its_epoch].add(side)
            acknowledged.append((side, hold))
        except psycopg.errors.CannotConnectNow:
            pass
        except OperationalError as error:
            ended.append(error)

    numbers = []
    with meanwhile(write, 6):
        for old, new in [SIDES, SIDES[::-1]] * 5:
            before = len(acknowledged)
            while len(acknowledged) < before + 5:
                time.sleep(0.001)  # the writers go on, so a flip meets some of them
            numbers.append(flip(sides, old, new))

    assert numbers == sorted(set(numbers))
    assert ended == []
    assert all(len(written) == 1 for written in wrote_in.values())
    stored = {(side, hold) for side in SIDES for (hold,) in rows(side, "select id from holds")}
    assert stored == set(acknowledged)


# Behind the last statement only the commit is left: nobody can know what became of it.
@pytest.mark.parametrize(
    ("pause", "told"),
    [
        ("before", "OperationalError"),
        ("between", "OperationalError"),
        ("after", "OutcomeUnknown"),
    ],
)
def test_a_writer_that_is_stopped_and_overtaken_writes_nothing(pair, sides, rows, pause, told):
    program = HERE.path / "tests" / "extracted" / "bookings" / "flip" / "stopped_writer.py"
    writer = subprocess.Popen(
        [sys.executable, str(program), pair.url("monolith"), pause],
        env={**os.environ, "PYTHONPATH": str(HERE.path)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert writer.stdout.readline() == f"{pause}\n"
    writer.send_signal(signal.SIGSTOP)

    epoch.close(sides.monolith, patience=0.3)
    open_(sides, "bookings")
    writer.send_signal(signal.SIGCONT)
    output, _ = writer.communicate("go on\n", timeout=30)

    assert output == f"refused {told}\n"
    for table in (*TABLES, "outbox"):
        assert rows("monolith", f"select * from {table}") == []


def test_a_writer_that_is_not_overtaken_goes_on(pair, rows):
    program = HERE.path / "tests" / "extracted" / "bookings" / "flip" / "stopped_writer.py"
    ended = subprocess.run(
        [sys.executable, str(program), pair.url("monolith"), "between"],
        env={**os.environ, "PYTHONPATH": str(HERE.path)},
        input="go on\n",
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert ended.stdout.startswith("between\nbooked "), ended.stderr
    assert len(rows("monolith", "select * from outbox")) == 1


def test_only_transactions_from_before_the_flip_are_ended(
    sides, transaction, in_background, waits_for_the_lock
):
    stopped = transaction("monolith")
    stopped.execute(HOLD, ["hold"])
    closed = in_background(lambda: epoch.close(sides.monolith, patience=0.5))
    waits_for_the_lock("monolith")
    late = transaction("monolith")

    with pytest.raises(psycopg.errors.CannotConnectNow):
        while True:  # between two tries for the lock it gets it shared, and ends
            late.execute(HOLD, [str(time.monotonic())])
            late.rollback()

    assert closed() == 2
    assert not late.closed
    with pytest.raises(OperationalError, match="terminating connection"):
        stopped.execute("select 1")


def test_a_session_that_does_not_end_stops_the_flip(sides, transaction, rows):
    writer = transaction("monolith")
    writer.execute(HOLD, ["hold"])
    (server,) = writer.execute("select pg_backend_pid()").fetchone()
    os.kill(server, signal.SIGSTOP)
    try:
        with pytest.raises(LockNotAvailable, match="not free within 0.6 s"):
            epoch.close(sides.monolith, patience=0.1, within=0.6)
        assert epoch.read(sides.monolith) == (1, True)
    finally:
        os.kill(server, signal.SIGCONT)


def test_what_decides_by_rows_needs_the_open_side(sides, writers):
    close(sides, "monolith")

    with (
        pytest.raises(Unavailable),
        writers["monolith"].database.transaction() as session,
    ):
        epoch.require_open(session)


def test_what_needs_the_open_side_keeps_it_open(sides, writers, in_background, waits_for_the_lock):
    with writers["monolith"].database.transaction() as session:
        epoch.require_open(session)
        closed = in_background(close, sides, "monolith")
        waits_for_the_lock("monolith")
        assert epoch.is_open(session)

    assert closed() == 2


def test_a_request_waits_until_its_side_is_open(sides, writers, in_background):
    close(sides, "monolith")
    waited = in_background(epoch.wait_until_open, writers["bookings"].database)

    open_(sides, "bookings")

    assert waited() is None


def test_a_request_does_not_wait_for_ever(writers):
    with pytest.raises(Unavailable):
        epoch.wait_until_open(writers["bookings"].database, within=0.1)
