"""The topics of a running system: how many messages they have, how far each consumer group has come
in them, and the new messages about bookings."""

import time
from contextlib import contextmanager, suppress
from datetime import datetime

from tools.lab.page.bookings import TOPICS
from tools.lab.page.stages import Message

AT_FIRST = 20  # messages of each partition that are read at first
LAGS_EVERY = 1.0  # seconds


@contextmanager
def opened(address, names, take):
    """A function that hands new messages to take(), and answers {at, topics, groups, offsets}: the
    moment, how many messages each topic has, {group: {topic: {done, lag}}}, and {group: {(topic,
    partition): offset}}."""
    from tools.lab.look import topics  # Kafka's client takes a while to import

    with topics.reader(address) as consumer:
        partitions = [each for name in names for each in topics.partitions_of(consumer, name)]
        followed = [each for each in partitions if each.topic in TOPICS]
        consumer.assign(followed)
        for each, end in consumer.end_offsets(followed).items():
            consumer.seek(each, max(0, end - AT_FIRST))
        looked_at, found = 0.0, {}

        def look():
            nonlocal looked_at, found
            for records in consumer.poll(timeout_ms=100).values() if followed else ():
                for record in records:
                    if message := read(record.topic, topics.as_message(record)):
                        take(message)
            if time.monotonic() - looked_at > LAGS_EVERY:
                at, ends = time.time(), consumer.end_offsets(partitions)
                found = {"at": at} | positions(names, ends, topics.offsets(address), topics.lag)
                looked_at = time.monotonic()
            return found

        yield look


def read(topic, message):
    """The Message that a topic has; None for a snapshot, and for what is no message."""
    headers = message["headers"]
    if not {"ce_id", "ce_type", "ce_time"} <= headers.keys() or "ce_snapshot" in headers:
        return None
    with suppress(ValueError):
        return Message(
            headers["ce_id"],
            topic,
            headers["ce_type"],
            message["key"],
            datetime.fromisoformat(headers["ce_time"]).timestamp(),
            headers.get("traceparent", ""),
            message["partition"],
            message["offset"],
        )
    return None


def positions(names, ends, committed, lag):
    """What the function of opened() answers, from {partition: end} and {group: {partition: offset
    that it has committed}}."""
    of_topic = {name: [each for each in ends if each.topic == name] for name in names}
    groups = {
        group: {
            name: {
                "done": sum(ends[each] for each in mine) - lag(mine, ends, offsets),
                "lag": lag(mine, ends, offsets),
            }
            for name, mine in of_topic.items()
            if any(each in offsets for each in mine)
        }
        for group, offsets in committed.items()
    }
    return {
        "topics": {name: sum(ends[each] for each in mine) for name, mine in of_topic.items()},
        "groups": {group: reads for group, reads in groups.items() if reads},
        "offsets": {
            group: {(each.topic, each.partition): at.offset for each, at in offsets.items()}
            for group, offsets in committed.items()
        },
    }
