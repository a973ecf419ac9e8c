"""Each message has its effect once, whatever goes wrong in between."""

import threading
from dataclasses import replace

import pytest
from sqlalchemy import insert, update

from kit import dead_letters, memory
from kit.consumer import Consumer, NotYet
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


def test_a_failing_handler_stops_the_consumer_without_loss(
    database, broker, consumer_of, insert_effect, message
):
    broker.send([message("a", number=1), message("b", number=2)])

    def fail(session, message):
        insert_effect(session, message)
        raise RuntimeError

    with pytest.raises(RuntimeError):
        consumer_of(fail).step()
    assert numbers(database) == []

    consumer_of().step()
    assert numbers(database) == [1, 2]


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
