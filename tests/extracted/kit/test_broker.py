"""What a relay and a consumer may expect of a broker: one body, run over the one in memory and over Kafka."""

import signal
import uuid
from datetime import UTC, datetime

import pytest
from kafka import KafkaConsumer

from extracted.kit import kafka as kit_kafka
from extracted.kit import memory
from extracted.kit.message import Message, read
from tools.lab.waiting import eventually


def message(key, number, topic):
    return Message(uuid.uuid4().hex, topic, "thing.happened", key, {"number": number}, datetime.now(UTC), "00-1-2-01")


@pytest.fixture(params=["memory", "kafka"])
def broker(request):
    return memory.Broker() if request.param == "memory" else request.getfixturevalue("kafka")


@pytest.fixture
def topic(broker):
    return broker.new_topic() if hasattr(broker, "new_topic") else "things"


@pytest.fixture
def source_of(broker, topic):
    """A reader of the topic as a member of a group, whose name is this test's alone; all leave at the end."""
    open_ones, mine = [], uuid.uuid4().hex

    def source_of(group):
        open_ones.append(broker.source(f"{group}-{mine}", [topic]))
        return open_ones[-1]

    yield source_of
    for source in open_ones:
        source.close()


def received(source, count):
    """The records that arrive, as many as count, once no more do: while a group forms, some may come twice."""
    records = {}

    def have_come():
        polled = source.poll()
        records.update({(record.partition, record.offset): record for record in polled})
        return not polled and len(records) >= count

    eventually(have_come, within=30)
    return list(records.values())


def test_what_is_sent_arrives_as_it_was_said_and_in_order_for_each_key(broker, topic, source_of):
    said = [message(f"key {number % 5}", number, topic) for number in range(50)]

    assert broker.send(said) == [True] * 50

    arrived = [read(record.topic, record.key, record.value, record.headers) for record in received(source_of("group"), 50)]
    assert {key: [each for each in arrived if each.key == key] for key in {each.key for each in said}} == {
        key: [each for each in said if each.key == key] for key in {each.key for each in said}
    }


def test_a_message_that_is_too_large_holds_up_no_other(kafka):
    topic = kafka.new_topic()
    large = Message(uuid.uuid4().hex, topic, "thing.happened", "large", {"text": "x" * 2_000_000}, datetime.now(UTC))

    assert kafka.send([message("a", 1, topic), large, message("b", 1, topic)]) == [True, False, True]


def test_while_kafka_hangs_sending_says_no_and_afterwards_yes(kafka, services, monkeypatch):
    monkeypatch.setattr(kit_kafka, "SEND_WITHIN", 2.0)
    topic = kafka.new_topic()
    assert kafka.send([message("a", 1, topic)]) == [True]

    services.supervisor.kill("kafka", signal.SIGSTOP)
    try:
        assert kafka.send([message("a", 2, topic)]) == [False]
    finally:
        services.supervisor.kill("kafka", signal.SIGCONT)

    eventually(lambda: kafka.send([message("a", 2, topic)]) == [True], within=30)


def test_a_group_goes_on_where_it_has_committed_and_another_begins_at_the_beginning(broker, topic, source_of):
    broker.send([message("key", number, topic) for number in range(3)])
    source = source_of("group")
    first, second, _ = received(source, 3)

    source.commit(first)
    source.close()

    assert received(source_of("group"), 2)[0].offset == second.offset
    assert received(source_of("another group"), 3)[0].offset == first.offset


def test_what_was_read_and_not_committed_comes_again(broker, topic, source_of, monkeypatch):
    monkeypatch.setitem(KafkaConsumer.DEFAULT_CONFIG, "auto_commit_interval_ms", 50)  # a client that moves offsets by itself would do so within this test
    broker.send([message("key", number, topic) for number in range(3)])
    source = source_of("group")
    first = received(source, 3)
    assert [source.poll() for _ in range(4)] == [[]] * 4
    source.close()

    assert [record.offset for record in received(source_of("group"), 3)] == [record.offset for record in first]


def test_a_partition_that_is_paused_begins_again_where_it_was_set_back_to(broker, topic, source_of):
    broker.send([message("key", number, topic) for number in range(3)])
    source = source_of("group")
    _, second, _ = received(source, 3)

    source.pause(second)
    assert source.poll() == []
    source.resume()

    assert [record.offset for record in received(source, 2)] == [second.offset, second.offset + 1]


def test_partitions_that_are_paused_while_there_is_more_of_them_all_go_on(broker, topic, source_of):
    broker.send([message(f"key {number % 30}", number, topic) for number in range(1500)])
    source, paused = source_of("group"), set()

    def all_are_paused():
        for record in source.poll():
            if record.partition not in paused:
                paused.add(record.partition)
                source.pause(record)
        return len(paused) == 3

    eventually(all_are_paused, within=30)
    assert source.poll() == []
    source.resume()

    assert len(received(source, 1500)) == 1500
