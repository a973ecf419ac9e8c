"""The messages of the topics and the lag of each consumer group, read without joining a group."""

import json
from contextlib import contextmanager

from kafka import KafkaConsumer, TopicPartition
from kafka.admin import ConfigResource, KafkaAdminClient
from rich.table import Table

from tools.lab.look import odd_headers


def partitions_of(consumer, topic):
    return [TopicPartition(topic, number) for number in consumer.partitions_for_topic(topic) or ()]


@contextmanager
def reader(address):
    odd_headers.read_all()
    consumer = KafkaConsumer(
        bootstrap_servers=address, auto_offset_reset="earliest", enable_auto_commit=False
    )
    try:
        yield consumer
    finally:
        consumer.close()


def table(address, topics):
    """For each topic its partitions and messages, and the lag of each consumer group that reads
    it."""
    with reader(address) as consumer:
        partitions = [each for topic in topics for each in partitions_of(consumer, topic)]
        ends = consumer.end_offsets(partitions)
    groups = offsets(address)
    shown = Table("topic", "partitions", "messages", "lag of each group", box=None)
    for topic in topics:
        mine = [partition for partition in partitions if partition.topic == topic]
        lags = [
            f"{group} {lag(mine, ends, committed)}"
            for group, committed in groups.items()
            if any(each in committed for each in mine)
        ]
        messages = sum(ends[each] for each in mine)
        shown.add_row(topic, str(len(mine)), str(messages), ", ".join(lags))
    return shown


def differences(address, topics):
    """A sentence for each topic that is missing, or is not as topics, {name: {partitions, config}},
    says."""
    admin = KafkaAdminClient(bootstrap_servers=address)
    try:
        existing = {topic["name"]: topic for topic in admin.describe_topics(list(topics))}
        found = {name: len(existing[name]["partitions"]) for name in topics}
        resources = [ConfigResource("topic", name, None) for name in topics if found[name]]
        configs = admin.describe_configs(resources, config_filter="all").get("topic", {})
    finally:
        admin.close()
    for name, wanted in topics.items():
        if not found[name]:
            yield f"{name} does not exist"
            continue
        if found[name] != wanted["partitions"]:
            yield f"{name} has {found[name]} partitions instead of {wanted['partitions']}"
        for setting, value in wanted["config"].items():
            if (here := configs[name][setting]["value"]) != value:
                yield f"{name} has {setting}={here} instead of {value}"


def lag(partitions, ends, committed):
    return sum(
        ends[each] - max(committed[each].offset if each in committed else 0, 0)
        for each in partitions
    )


def offsets(address):
    """{group: {partition: the offset that it has committed}}"""
    admin = KafkaAdminClient(bootstrap_servers=address)
    try:
        names = sorted(group["group_id"] for group in admin.list_groups())
        return admin.list_group_offsets(names) if names else {}
    finally:
        admin.close()


def messages(address, topic, *, follow=False):
    """Each message of a topic as {type, key, data, headers, partition, offset}, from the oldest
    to the newest; with follow, it then waits for new ones."""
    with reader(address) as consumer:
        partitions = partitions_of(consumer, topic)
        consumer.assign(partitions)
        ends = consumer.end_offsets(partitions) if partitions else {}
        while follow or any(consumer.position(partition) < end for partition, end in ends.items()):
            for records in consumer.poll(timeout_ms=200).values():
                yield from map(as_message, records)


def as_message(record):
    """A record as a dict whose texts are safe to print, whatever bytes it has."""
    headers = {as_text(name.encode()): as_text(value) for name, value in record.headers}
    try:
        data = json.loads(record.value)
    except (ValueError, TypeError, RecursionError):
        data = {}
    return {
        "type": headers.get("ce_type"),
        "key": as_text(record.key),
        "data": data,
        "headers": headers,
        "partition": record.partition,
        "offset": record.offset,
    }


def as_text(value):
    """Bytes as text without control characters, which a terminal would obey."""
    text = (value or b"").decode(errors="replace")
    return "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in text)
