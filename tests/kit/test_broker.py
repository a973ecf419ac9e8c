"""The contract of a broker, for a relay and for a consumer: in memory and Kafka alike."""

import signal
import uuid

import pytest
from kafka import KafkaConsumer, KafkaProducer
from kafka.admin import KafkaAdminClient

from kit import kafka as kit_kafka
from kit import memory, topics
from kit.message import Unprocessable, read
from tools.lab.ground.waiting import eventually


@pytest.fixture(params=["memory", "kafka"])
def broker(request):
    return memory.Broker() if request.param == "memory" else request.getfixturevalue("kafka")


@pytest.fixture
def topic(broker):
    return broker.new_topic() if hasattr(broker, "new_topic") else "things"


@pytest.fixture
def source_of(broker, topic):
    """Read the topic as a member of a group of this test; all members leave at the end."""
    sources = []
    suffix = uuid.uuid4().hex

    def source_of(group):
        sources.append(broker.source(f"{group}-{suffix}", [topic]))
        return sources[-1]

    yield source_of
    for source in sources:
        source.close()


def received(source, count):
    """The records that arrive, count or more, once no more do.

    While a group forms, some may come twice."""
    records = {}

    def have_come():
        polled = source.poll()
        records.update({(record.partition, record.offset): record for record in polled})
        return not polled and len(records) >= count

    eventually(have_come, within=30)
    return list(records.values())


def by_key(messages):
    grouped = {}
    for message in messages:
        grouped.setdefault(message.key, []).append(message)
    return grouped


def test_messages_arrive_unchanged_in_order_by_key(broker, topic, source_of, message):
    sent = [message(f"key {number % 5}", number, topic) for number in range(50)]

    assert broker.send(sent) == [True] * 50

    arrived = [
        read(record.topic, record.key, record.value, record.headers)
        for record in received(source_of("group"), 50)
    ]
    assert by_key(arrived) == by_key(sent)


def test_a_message_too_large_stops_no_other(kafka, message):
    topic = kafka.new_topic()
    large = message("x" * 2_000_000, 1, topic)

    sent = kafka.send([message("a", 1, topic), large, message("b", 1, topic)])

    assert sent == [True, False, True]


def test_a_message_too_large_costs_no_new_producer(kafka, message, caplog):
    topic = kafka.new_topic()
    kafka.send([message("a", 1, topic)])
    producer = kafka.producer
    large = message("x" * 2_000_000, 1, topic)

    sent = [kafka.send([large, message("a", n, topic)]) for n in range(3)]

    assert sent == [[False, True]] * 3
    assert kafka.producer is producer
    (line,) = [record for record in caplog.records if record.message == "too large"]
    assert line.message_id == large.id


@pytest.mark.parametrize("codec", ["gzip", "lz4", "snappy", "zstd"])
def test_a_topic_may_be_compressed(kafka, message, codec):
    topic = kafka.new_topic(**{"compression.type": codec})
    kafka.send([message("a", 1, topic)])
    source = kafka.source(f"group-{uuid.uuid4().hex}", [topic])

    (record,) = received(source, 1)
    source.close()

    assert read(topic, record.key, record.value, record.headers).data == {"number": 1}


def test_a_missing_topic_stops_only_its_own_messages(kafka, message, caplog):
    topic, missing = kafka.new_topic(), f"topic-{uuid.uuid4().hex}"
    kafka.send([message("a", 0, topic)])
    producer = kafka.producer

    sent = [kafka.send([message("a", n, missing), message("a", n, topic)]) for n in range(3)]

    assert sent == [[False, True]] * 3
    assert kafka.producer is producer
    assert len([record for record in caplog.records if record.message == "no such topics"]) == 1
    topics.create(kafka.connection, {missing: {"partitions": 1, "config": {}}})
    eventually(lambda: kafka.send([message("a", 1, missing)]) == [True], within=10)


def test_a_missing_topic_keeps_nobody_from_the_others(kafka, message):
    topic, missing = kafka.new_topic(), f"topic-{uuid.uuid4().hex}"
    kafka.send([message("a", 1, topic)])
    source = kafka.source(f"group-{uuid.uuid4().hex}", [missing, topic])

    first = received(source, 1)
    topics.create(kafka.connection, {missing: {"partitions": 1, "config": {}}})
    eventually(lambda: kafka.send([message("b", 2, missing)]) == [True], within=10)
    second = [record for record in received(source, 1) if record.topic == missing]
    source.close()

    assert [record.topic for record in first] == [topic]
    assert len(second) == 1


def test_a_header_name_that_is_no_text_can_be_read(kafka, message):
    class Name(str):
        def encode(self, *arguments):
            return b"\xff\xfe"

    topic = kafka.new_topic()
    strange = message("a", 1, topic)
    producer = KafkaProducer(**kafka.connection)
    headers = [*strange.headers(), (Name("name"), b"value")]
    producer.send(topic, value=strange.value(), key=b"a", headers=headers).get(10)
    producer.close()
    kafka.send([message("a", 2, topic)])
    source = kafka.source(f"group-{uuid.uuid4().hex}", [topic])

    first, second = received(source, 2)
    source.close()

    assert first.headers[-1] == ("\0fffe", b"value")
    assert read(topic, second.key, second.value, second.headers).data == {"number": 2}
    with pytest.raises(Unprocessable, match="a header has the name"):
        read(topic, first.key, first.value, first.headers)


def test_nothing_is_acknowledged_while_kafka_hangs(kafka, services, message, monkeypatch):
    monkeypatch.setattr(kit_kafka, "SEND_SECONDS", 2.0)
    topic = kafka.new_topic()
    assert kafka.send([message("a", 1, topic)]) == [True]

    services.supervisor.kill("kafka", signal.SIGSTOP)
    try:
        assert kafka.send([message("a", 2, topic)]) == [False]
    finally:
        services.supervisor.kill("kafka", signal.SIGCONT)

    eventually(lambda: kafka.send([message("a", 2, topic)]) == [True], within=30)


def test_each_group_continues_at_its_own_offset(broker, topic, source_of, message):
    broker.send([message("key", number, topic) for number in range(3)])
    source = source_of("group")
    first, second, _ = received(source, 3)

    source.commit(first)
    source.close()

    assert received(source_of("group"), 2)[0].offset == second.offset
    assert received(source_of("another group"), 3)[0].offset == first.offset


def test_a_group_without_members_can_be_set_back(broker, topic, message):
    broker.send([message("key", number, topic) for number in range(3)])
    group = uuid.uuid4().hex
    source = broker.source(group, [topic])
    first = received(source, 3)
    source.commit(first[-1])

    refused = broker.set_back(group)
    source.close()
    done = broker.set_back(group)
    source = broker.source(group, [topic])
    again = received(source, 3)
    source.close()

    assert (refused, done) == (False, True)
    assert [record.offset for record in again] == [record.offset for record in first]


def test_a_group_that_never_read_can_be_set_back(broker):
    assert broker.set_back(uuid.uuid4().hex)


def test_records_come_again_until_they_are_committed(
    broker, topic, source_of, message, monkeypatch
):
    # a client that moves offsets by itself would do so within this test
    monkeypatch.setitem(KafkaConsumer.DEFAULT_CONFIG, "auto_commit_interval_ms", 50)
    broker.send([message("key", number, topic) for number in range(3)])
    source = source_of("group")
    first = received(source, 3)
    assert [source.poll() for _ in range(2)] == [[]] * 2
    source.close()

    again = received(source_of("group"), 3)

    assert [record.offset for record in again] == [record.offset for record in first]


def test_a_paused_partition_begins_again_at_its_record(broker, topic, source_of, message):
    broker.send([message("key", number, topic) for number in range(3)])
    source = source_of("group")
    _, second, _ = received(source, 3)

    source.pause(second)
    assert source.poll() == []
    source.resume((topic, second.partition))

    offsets = [record.offset for record in received(source, 2)]
    assert offsets == [second.offset, second.offset + 1]


def test_partitions_paused_amid_a_fetch_all_continue(broker, topic, source_of, message):
    broker.send([message(f"key {number % 30}", number, topic) for number in range(1500)])
    source = source_of("group")
    paused = set()

    def all_are_paused():
        for record in source.poll():
            if record.partition not in paused:
                paused.add(record.partition)
                source.pause(record)
        return len(paused) == 3

    eventually(all_are_paused, within=30)
    assert source.poll() == []
    for partition in paused:
        source.resume((topic, partition))

    assert len(received(source, 1500)) == 1500


def test_more_partitions_are_read_within_seconds(kafka):
    """What the client learns late, it learns: else a member could stay without partitions."""
    topic = kafka.new_topic()
    source = kafka.source(f"reader-{uuid.uuid4().hex}", [topic])

    def partitions():
        source.poll()
        return len(source.consumer.assignment())

    try:
        eventually(lambda: partitions() == 3, within=30)
        admin = KafkaAdminClient(**kafka.connection)
        admin.create_partitions({topic: 6})
        admin.close()
        eventually(lambda: partitions() == 6, within=30)
    finally:
        source.close()
