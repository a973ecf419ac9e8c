"""Each message has its effect once, whatever goes wrong in between."""

import threading
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from sqlalchemy import insert, select, update

from extracted.kit import memory
from extracted.kit.consumer import Consumer, NotYet
from extracted.kit.inbox import dead_letters
from extracted.kit.message import Message, Never


def message(id, key="key", number=0, type="thing.happened", topic="things"):
    return Message(id, topic, type, key, {"number": number}, datetime.now(UTC))


@pytest.fixture
def broker():
    return memory.Broker(partitions=2)


@pytest.fixture
def consumer_of(database, broker, effects):
    def make(handle=None, topics=("things",), **more):
        def usual(session, message):
            session.execute(insert(effects).values(key=message.key, number=message.data["number"]))

        return Consumer("part", broker.source("part", topics), {"thing.happened": handle or usual}, database.transaction, **more)

    return make


def noted(database):
    return sorted(number for (number,) in database.rows("select number from effects"))


def test_a_message_that_comes_twice_has_one_effect(database, broker, consumer_of):
    broker.send([message("a", number=1), message("a", number=1), message("b", number=2)])

    consumer_of().step()

    assert noted(database) == [1, 2]


def test_a_consumer_that_dies_before_the_offset_moves_has_its_effect_once(database, broker, consumer_of, monkeypatch):
    broker.send([message("a", number=1)])
    dying = consumer_of()
    monkeypatch.setattr(dying.source, "commit", lambda record: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        dying.step()

    consumer_of().step()

    assert noted(database) == [1]


def test_a_handler_that_fails_stops_the_consumer_and_nothing_is_skipped(database, broker, consumer_of, effects):
    broker.send([message("a", number=1), message("b", number=2)])

    def fail(session, message):
        session.execute(insert(effects).values(key=message.key, number=message.data["number"]))
        raise RuntimeError

    with pytest.raises(RuntimeError):
        consumer_of(fail).step()
    assert noted(database) == []

    consumer_of().step()
    assert noted(database) == [1, 2]


UNREADABLE = {
    "no id": (b"{}", [("ce_specversion", b"1.0"), ("ce_time", b"2030-01-01")]),
    "no value": (None, message("z").headers()),
    "no object": (b"[]", message("z").headers()),
    "another version, with a NUL": (b"{}", [("ce_specversion", b"2.0\0"), ("number", bytes(8))]),
    "too deep": (b"[" * 100_000, message("z").headers()),
}


@pytest.mark.parametrize("what", UNREADABLE)
def test_what_nobody_can_read_is_put_away_and_the_rest_goes_on(database, broker, consumer_of, what):
    broker.send([message("a", number=1)])
    value, headers = UNREADABLE[what]
    broker.logs["things", 0].append(memory.Record("things", 0, len(broker.logs["things", 0]), b"key", value, headers))
    broker.send([message("b", number=2, type="of.no.interest"), message("c", number=3)])

    consumer_of().step()

    assert noted(database) == [1, 3]
    assert database.rows("select consumer, topic, value from dead_letters") == [("part", "things", value)]


def test_what_nobody_can_do_anything_about_is_put_away_without_an_effect_and_replayed(database, broker, consumer_of, effects):
    known = threading.Event()

    def handle(session, message):
        session.execute(insert(effects).values(key=message.key, number=message.data["number"]))
        if message.id == "a" and not known.is_set():
            raise Never("nobody of that name")

    broker.send([message("a", number=1), message("b", number=2)])
    consumer = consumer_of(handle)
    consumer.step()

    assert noted(database) == [2]
    assert database.rows("select cause from dead_letters") == [("nobody of that name",)]
    known.set()
    assert consumer.replay() == 0
    assert noted(database) == [1, 2]


def test_a_header_of_others_is_no_reason_not_to_read(database, broker, consumer_of):
    broker.send([message("a", number=1)])
    log = next(log for log in broker.logs.values() if log)
    log[0] = replace(log[0], headers=[*log[0].headers, ("theirs", b"\xff\0"), ("empty", None)])

    consumer_of().step()

    assert noted(database) == [1]


def test_what_was_buried_is_replayed_once_when_it_can_be_read(database, broker, consumer_of):
    broker.send([message("a", number=1), message("b", number=2)])
    log = next(log for log in broker.logs.values() if log)
    log[0] = replace(log[0], headers=[*log[0].headers, ("ce_specversion", b"2.0")])
    consumer = consumer_of()
    consumer.step()
    assert consumer.replay() == 1
    with database.transaction() as session:
        (buried,) = session.scalars(select(dead_letters.c.headers))
        session.execute(update(dead_letters).values(headers=buried[:-1]))

    assert consumer.replay() == 0
    assert consumer.replay() == 0
    assert noted(database) == [1, 2]


@pytest.mark.parametrize(("announced", "heard"), [(False, [2]), (True, [1, 2])])
def test_what_is_announced_is_heard_by_those_who_want_it(database, broker, consumer_of, announced, heard):
    broker.send([replace(message("a", number=1), announced=True), message("b", number=2)])

    consumer_of(announced=announced).step()

    assert noted(database) == heard


def test_not_yet_lets_one_partition_wait_while_the_others_go_on(database, broker, consumer_of, effects, eventually):
    known = threading.Event()
    keys = [f"key {number}" for number in range(8)]

    def handle(session, message):
        if message.key == keys[0] and not known.is_set():
            raise NotYet("its premise")
        session.execute(insert(effects).values(key=message.key, number=message.data["number"]))

    broker.send([message(f"m{number}", key, number) for number, key in enumerate(keys)])
    consumer = consumer_of(handle, retry_after=0.01)
    consumer.step()
    first = noted(database)
    known.set()

    assert first
    assert 0 not in first
    eventually(lambda: consumer.step() or noted(database) == list(range(8)))
