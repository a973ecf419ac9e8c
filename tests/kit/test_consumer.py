"""Each message has its effect once, whatever goes wrong in between."""

import secrets
import threading
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import func, insert, update

from kit import dead_letters, failures, inbox, memory
from kit.consumer import Consumer
from kit.failures import NotYet, TryLater, cause_of
from kit.message import Unprocessable
from kit.refusals import Unavailable


@pytest.fixture
def broker():
    return memory.Broker(partitions=2)


@pytest.fixture
def insert_effect(effects):
    """A handler that writes the number of a message to the table effects."""

    def insert_effect(session, message):
        session.execute(insert(effects).values(key=message.key, number=message.data["number"]))

    return insert_effect


@pytest.fixture
def consumer_of(database, broker, insert_effect):
    def make(handle=insert_effect, **more):
        source = broker.source("group", ["things"])
        handlers = {"thing.happened": handle}
        return Consumer("group", source, handlers, database.transaction, **more)

    return make


def numbers(database):
    return sorted(number for (number,) in database.rows("select number from effects"))


def causes(database):
    return [
        cause for (cause,) in database.rows("select cause from dead_letters order by failed_at")
    ]


def change_headers(broker, *added):
    """Add headers to the first record of the broker."""
    log = next(log for log in broker.logs.values() if log)
    log[0] = replace(log[0], headers=[*log[0].headers, *added])


def test_a_duplicate_has_no_second_effect(database, broker, consumer_of, message):
    first = message("a", number=1)
    broker.send([first, first, message("b", number=2)])

    consumer_of().step()

    assert numbers(database) == [1, 2]


def test_dying_before_the_offset_moves_repeats_nothing(
    database, broker, consumer_of, message, monkeypatch
):
    broker.send([message(number=1)])
    dying = consumer_of()
    monkeypatch.setattr(dying.source, "commit", lambda record: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        dying.step()

    consumer_of().step()

    assert numbers(database) == [1]


@pytest.fixture
def no_patience(monkeypatch):
    """Nothing but an outage is waited for."""
    monkeypatch.setattr(failures, "DEFECT_SECONDS", 0.0)
    monkeypatch.setattr(failures, "NOT_YET_SECONDS", 0.0)


def let_be_due(database):
    """Let it be time for the next try of each dead letter that has one."""
    table = dead_letters.dead_letters
    past = func.clock_timestamp() - timedelta(minutes=1)
    with database.transaction() as session:
        session.execute(update(table).where(table.c.next_try.is_not(None)).values(next_try=past))


def test_a_failing_handler_stops_only_its_own_message(
    database, broker, consumer_of, insert_effect, message, eventually
):
    broker.send([message("a", number=1), message("a", number=2), message("b", number=3)])
    tries = []

    def fail(session, message):
        insert_effect(session, message)
        if message.data["number"] == 1:
            tries.append(message)
            raise RuntimeError("no such seat")

    consumer = consumer_of(fail, retry_seconds=0.01)
    eventually(lambda: consumer.step() or numbers(database) == [2, 3])

    assert len(tries) > 2
    assert causes(database) == ["RuntimeError: no such seat"]
    assert dead_letters.replay(consumer_of()) == 0
    assert numbers(database) == [1, 2, 3]


def test_dying_in_a_handler_loses_nothing(database, broker, consumer_of, insert_effect, message):
    broker.send([message("a", number=1), message("b", number=2)])

    def die(session, message):
        insert_effect(session, message)
        raise SystemExit

    with pytest.raises(SystemExit):
        consumer_of(die).step()
    assert numbers(database) == []

    consumer_of().step()
    assert numbers(database) == [1, 2]


def test_a_handler_that_fails_once_is_tried_again(
    database, broker, consumer_of, message, eventually
):
    broker.send([message(number=1)])
    tries = []

    def fail_once(session, message):
        tries.append(message)
        if len(tries) == 1:
            raise RuntimeError

    consumer = consumer_of(fail_once, retry_seconds=0.0)
    eventually(lambda: consumer.step() or len(tries) == 2)

    assert causes(database) == []


@pytest.mark.parametrize(
    ("data", "cause"),
    [
        ({}, "KeyError"),
        ({"number": "ten"}, "DataError"),
        ({"number": {}}, "ProgrammingError"),
        ({"number": 10**30}, "DataError"),
    ],
)
def test_data_that_cannot_be_stored_becomes_a_dead_letter(
    database, broker, consumer_of, message, no_patience, data, cause
):
    broker.send([replace(message("a"), data=data), message("b", number=2)])

    consumer_of().step()

    assert numbers(database) == [2]
    assert cause in causes(database)[0]


@pytest.mark.parametrize("key", ["nul \0", "x" * 5000, "", "line\nfeed"])
@pytest.mark.parametrize("field", ["id", "key"])
def test_an_id_or_key_that_is_none_becomes_a_dead_letter(
    database, broker, consumer_of, message, field, key
):
    broker.send([replace(message("a", number=1), **{field: key}), message("b", number=2)])

    consumer_of().step()

    assert numbers(database) == [2]
    assert "not 1 to 200 printable characters" in causes(database)[0]


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("nul \0", id="nul"),
        pytest.param("\ud800", id="half a character"),
        pytest.param(secrets.token_hex(5000), id="too long for an index"),
    ],
)
def test_text_that_cannot_be_stored_becomes_a_dead_letter(
    database, broker, consumer_of, message, no_patience, text
):
    def insert_text(session, message):
        inbox.add(session, "another", message.data["text"])

    broker.send([replace(message(), data={"text": text})])

    consumer_of(insert_text).step()

    assert len(causes(database)) == 1


@pytest.mark.parametrize("name", ["nul \0", "\0ff", "escape \x1b"])
def test_a_record_with_a_strange_header_is_kept(database, broker, consumer_of, message, name):
    broker.send([message(number=1), message(number=2)])
    change_headers(broker, (name, b"\xff\0"), ("100%25", None))
    log = next(log for log in broker.logs.values() if log)

    consumer_of().step()

    with database.transaction() as session:
        (letter,) = dead_letters.of(session, "group")
    assert "a header has the name" in letter.cause
    assert dead_letters.as_record(letter)[3] == log[0].headers


def test_a_cause_is_one_short_line_without_control_characters():
    error = Unprocessable("no mailbox \x1b[2J\x9b\0 here" + "!" * 1000 + "\nand more")

    cause = cause_of(error)

    assert cause.startswith("no mailbox  [2J   here!!!")
    assert len(cause) == failures.LONGEST_CAUSE


@pytest.mark.parametrize("reason", [TryLater("mailbox full"), NotYet("an account"), KeyError("id")])
def test_what_may_succeed_later_is_replayed_when_due(
    database, broker, consumer_of, insert_effect, message, no_patience, reason
):
    is_working = threading.Event()

    def handle(session, message):
        insert_effect(session, message)
        if message.data["number"] == 1 and not is_working.is_set():
            raise reason

    broker.send([message("a", number=1), message("a", number=2)])
    consumer = consumer_of(handle)
    consumer.step()
    assert numbers(database) == [2]

    is_working.set()
    dead_letters.replay(consumer, only_due=True)
    assert (numbers(database), causes(database)) == ([2], [cause_of(reason)])
    let_be_due(database)
    dead_letters.replay(consumer, only_due=True)

    assert (numbers(database), causes(database)) == ([1, 2], [])


MINUTES = "select floor(extract(epoch from next_try - failed_at) / 60) from dead_letters"


def test_a_letter_is_tried_less_often_and_then_no_more(database, broker, consumer_of, message):
    def refuse(session, message):
        raise TryLater("mailbox full")

    broker.send([message(number=1)])
    consumer = consumer_of(refuse)
    consumer.step()
    pauses = []
    for minutes in (0, 10, 59, 61):
        failed_at = func.clock_timestamp() - timedelta(minutes=minutes)
        with database.transaction() as session:
            session.execute(update(dead_letters.dead_letters).values(failed_at=failed_at))
        let_be_due(database)
        dead_letters.replay(consumer, only_due=True)
        pauses += database.rows(MINUTES)

    assert pauses == [(0,), (20,), (118,), (None,)]


def test_a_letter_that_waits_for_an_operator_stays(database, broker, consumer_of, message):
    broker.send([message(number=1)])

    def refuse(session, message):
        raise Unprocessable("no such mailbox")

    consumer_of(refuse).step()
    let_be_due(database)

    assert dead_letters.replay(consumer_of(), only_due=True) == 0
    assert (numbers(database), causes(database)) == ([], ["no such mailbox"])


def test_only_an_outage_is_waited_for_without_limit(
    database, broker, consumer_of, insert_effect, message, no_patience
):
    def handle(session, message):
        if message.data["number"] == 1:
            raise Unavailable("The mail server")
        insert_effect(session, message)

    broker.send([message("a", number=1), message("a", number=2)])
    consumer = consumer_of(handle, retry_seconds=0.0)

    for _ in range(3):
        consumer.step()

    assert (numbers(database), causes(database)) == ([], [])


def test_a_database_that_is_away_makes_no_dead_letter(database, broker, consumer_of, message):
    def handle(session, message):
        session.connection().exec_driver_sql("select pg_terminate_backend(pg_backend_pid())")

    broker.send([message(number=1)])
    consumer = consumer_of(handle, retry_seconds=0.0)
    consumer.step()

    assert causes(database) == []
    assert consumer.waits


@pytest.mark.parametrize("value", [b"[]", b"", None])
def test_an_unreadable_record_becomes_a_dead_letter(database, broker, consumer_of, message, value):
    broker.send([message(number=1)])
    (partition, log) = next((partition, log) for partition, log in broker.logs.items() if log)
    record = memory.Record(*partition, len(log), None, value, [("empty", None), ("none", b"")])
    log.append(record)
    broker.send([message(number=2, type="of.no.interest"), message(number=3)])

    consumer_of().step()

    with database.transaction() as session:
        (letter,) = dead_letters.of(session, "group")
    assert numbers(database) == [1, 3]
    assert letter.cause == "there is no header 'ce_specversion'"
    assert dead_letters.as_record(letter) == ("things", None, value, record.headers)


def test_an_unprocessable_message_has_no_effect_until_replayed(
    database, broker, consumer_of, insert_effect, message
):
    is_known = threading.Event()

    def handle(session, message):
        insert_effect(session, message)
        if message.key == "a" and not is_known.is_set():
            raise Unprocessable("no such mailbox")

    broker.send([message("a", number=1), message("b", number=2)])
    consumer = consumer_of(handle)
    consumer.step()

    assert numbers(database) == [2]
    assert database.rows("select cause from dead_letters") == [("no such mailbox",)]
    is_known.set()
    assert dead_letters.replay(consumer) == 0
    assert numbers(database) == [1, 2]


def test_replay_applies_a_dead_letter_only_once(database, broker, consumer_of, message):
    broker.send([message("a", number=1), message("b", number=2)])
    change_headers(broker, ("ce_specversion", b"2.0"))
    consumer = consumer_of()
    consumer.step()
    assert dead_letters.replay(consumer) == 1
    with database.transaction() as session:
        (letter,) = dead_letters.of(session, "group")
        session.execute(update(dead_letters.dead_letters).values(headers=letter.headers[:-1]))

    assert dead_letters.replay(consumer) == 0
    assert dead_letters.replay(consumer) == 0
    assert numbers(database) == [1, 2]


@pytest.mark.parametrize(("snapshots", "applied"), [(False, [2]), (True, [1, 2])])
def test_a_snapshot_is_applied_only_by_its_consumers(
    database, broker, consumer_of, message, snapshots, applied
):
    broker.send([message("a", number=1, snapshot=True), message("b", number=2)])

    consumer_of(snapshots=snapshots).step()

    assert numbers(database) == applied


@pytest.mark.parametrize("reason", [NotYet, Unavailable])
def test_one_partition_waits_while_the_others_continue(
    database, broker, consumer_of, insert_effect, message, eventually, reason
):
    is_there = threading.Event()

    def handle(session, message):
        if message.key == "key 0" and not is_there.is_set():
            raise reason("its prerequisite")
        insert_effect(session, message)

    broker.send([message(f"key {number}", number) for number in range(8)])
    consumer = consumer_of(handle, retry_seconds=0.01)
    consumer.step()
    first = numbers(database)
    is_there.set()

    assert first
    assert 0 not in first
    eventually(lambda: consumer.step() or numbers(database) == list(range(8)))
