"""A broker in memory for fast tests, with the same contract tests as kit.kafka."""

import zlib
from collections import defaultdict
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Record:
    topic: str
    partition: int
    offset: int
    key: bytes
    value: bytes
    headers: list = field(default_factory=list)


class Broker:
    """Topics with a number of partitions each, and the offsets of the groups.

    logs is {(topic, partition): [Record, ...]}. While is_away is true, nothing is acknowledged."""

    def __init__(self, partitions=3):
        self.partitions = partitions
        self.is_away = False
        self.logs = defaultdict(list)
        self.offsets = defaultdict(int)
        self.sources = set()  # those that are open: each is a member of its group

    def send(self, messages):
        """Append messages; return for each whether it is there."""
        return [self._append(message) for message in messages]

    def _append(self, message):
        if self.is_away:
            return False
        key = message.key.encode()
        partition = zlib.crc32(key) % self.partitions
        log = self.logs[message.topic, partition]
        log.append(
            Record(message.topic, partition, len(log), key, message.value(), message.headers())
        )
        return True

    def source(self, group, topics):
        """What the only member of a group reads of topics."""
        source = Source(self, group, topics)
        self.sources.add(source)
        return source

    def set_back(self, group):
        """Delete the offsets of a group; False, and nothing is done, if it has a member."""
        if any(source.group == group for source in self.sources):
            return False
        for position in [each for each in self.offsets if each[0] == group]:
            del self.offsets[position]
        return True


class Source:
    """The records of all partitions of some topics, from the group's offsets on."""

    def __init__(self, broker, group, topics):
        self.broker = broker
        self.group = group
        self.paused = set()
        self.positions = {
            (topic, partition): broker.offsets[group, topic, partition]
            for topic in topics
            for partition in range(broker.partitions)
        }

    def poll(self):
        records = []
        for partition, position in self.positions.items():
            if partition not in self.paused:
                records += self.broker.logs[partition][position:]
        for record in records:
            self.positions[record.topic, record.partition] = record.offset + 1
        return records

    def commit(self, record):
        self.broker.offsets[self.group, record.topic, record.partition] = record.offset + 1

    def pause(self, record):
        self.paused.add((record.topic, record.partition))
        self.positions[record.topic, record.partition] = record.offset

    def resume(self, partition):
        self.paused.discard(partition)

    def close(self):
        """Leave the group."""
        self.broker.sources.discard(self)
