"""A broker in memory, for fast tests: held to the same contract as Kafka."""

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
    """Topics with as many partitions as told, and the offsets of groups; is_away makes it refuse what it is sent."""

    def __init__(self, partitions=3):
        self.partitions, self.is_away = partitions, False
        self.logs, self.offsets = defaultdict(list), defaultdict(int)

    def send(self, messages):
        return [self._append(message) for message in messages]

    def _append(self, message):
        if self.is_away:
            return False
        key = message.key.encode()
        partition = zlib.crc32(key) % self.partitions
        log = self.logs[message.topic, partition]
        log.append(Record(message.topic, partition, len(log), key, message.value(), message.headers()))
        return True

    def source(self, group, topics):
        return Source(self, group, topics)


class Source:
    """What one member of a group reads, which has all partitions to itself."""

    def __init__(self, broker, group, topics):
        self.broker, self.group, self.paused = broker, group, set()
        self.partitions = [(topic, partition) for topic in topics for partition in range(broker.partitions)]
        self.positions = {each: broker.offsets[group, *each] for each in self.partitions}

    def poll(self):
        ready = [each for each in self.partitions if each not in self.paused]
        records = [record for each in ready for record in self.broker.logs[each][self.positions[each] :]]
        for record in records:
            self.positions[record.topic, record.partition] = record.offset + 1
        return records

    def commit(self, record):
        self.broker.offsets[self.group, record.topic, record.partition] = record.offset + 1

    def pause(self, record):
        self.paused.add((record.topic, record.partition))
        self.positions[record.topic, record.partition] = record.offset

    def resume(self):
        self.paused.clear()

    def close(self):
        pass
