"""Kafka, as a relay sends to it and a consumer reads from it."""

import logging
import sys
import time

from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.errors import KafkaError, MessageSizeTooLargeError
from kafka.structs import OffsetAndMetadata

SEND_WITHIN, LEAVE_WITHIN = 10.0, 3000  # seconds; milliseconds
# kafka-python 3.0 never goes on with a partition that is paused while there is more of a fetch to be read: so each is read at once, and is small
ALL_AT_ONCE = {"max_poll_records": sys.maxsize, "max_partition_fetch_bytes": 65_536}
NAMES = {
    "kafka_bootstrap_servers": "bootstrap_servers",
    "kafka_security_protocol": "security_protocol",
    "kafka_sasl_mechanism": "sasl_mechanism",
    "kafka_sasl_username": "sasl_plain_username",
    "kafka_sasl_password": "sasl_plain_password",
    "kafka_ca_file": "ssl_cafile",
}
logger = logging.getLogger(__name__)


def connection(settings):
    """What a client of the cluster is made with, of the settings that are read by kit.settings.KAFKA."""
    return {option: settings[name] for name, option in NAMES.items() if settings[name] is not None}


class Broker:
    """The cluster to which connection() leads."""

    def __init__(self, connection):
        self.connection, self.producer = connection, None

    def send(self, messages):
        """Whether the cluster has each of the messages, as all its in-sync replicas have acknowledged."""
        sent = [False] * len(messages)
        try:
            self.producer = self.producer or self._producer()
            futures = [self._begin(message) for message in messages]
            self.producer.flush(2 * SEND_WITHIN)  # longer than delivery may take, so that each has ended
            sent = [future is not None and future.succeeded() for future in futures]
        except KafkaError as trouble:
            logger.error("kafka", extra={"error": f"{type(trouble).__name__} {trouble}"})
        if not all(sent):
            self.close()  # what it has not sent must not arrive after what a later one sends
        return sent

    def _begin(self, message):
        """What will be known of one message; None where it is larger than any message may be, which is no reason for others to wait."""
        try:
            return self.producer.send(message.topic, value=message.value(), key=message.key.encode(), headers=message.headers())
        except MessageSizeTooLargeError as trouble:
            logger.error("too large", extra={"message_id": message.id, "topic": message.topic, "key": message.key, "error": str(trouble)})
            return None

    def _producer(self):
        milliseconds = int(SEND_WITHIN * 1000)
        within = {"delivery_timeout_ms": milliseconds, "request_timeout_ms": milliseconds // 2, "max_block_ms": milliseconds}
        return KafkaProducer(**self.connection, acks="all", linger_ms=5, **within)

    def close(self):
        producer, self.producer = self.producer, None
        if producer:
            producer._sender.force_close()  # close() alone would flush first, raise, and leave a sender that goes on behind our back
            producer._sender.join(1)
            producer.close(timeout=0)

    def source(self, group, topics):
        return Source(self.connection, group, topics)


class Source:
    """What a member of a group reads of the partitions that are its own; offsets move only when commit() says so."""

    def __init__(self, connection, group, topics):
        options = {"enable_auto_commit": False, "auto_offset_reset": "earliest", "session_timeout_ms": 10_000}
        self.consumer, self.topics = KafkaConsumer(**connection, group_id=group, **options, **ALL_AT_ONCE), topics

    def poll(self):
        """What there is, waiting for it a little. The first time it joins the group, once it knows the topics: a member that does not may be
        given none of their partitions, and stay so."""
        if not self.consumer.subscription():
            if unknown := [topic for topic in self.topics if not self.consumer.partitions_for_topic(topic)]:
                logger.warning("no such topics", extra={"topics": unknown})
                time.sleep(1)
                return []
            self.consumer.subscribe(self.topics)
        polled = self.consumer.poll(timeout_ms=250)
        return [record for records in polled.values() for record in records]

    def commit(self, record):
        partition = TopicPartition(record.topic, record.partition)
        try:
            self.consumer.commit({partition: OffsetAndMetadata(record.offset + 1, "", -1)})
        except KafkaError as trouble:  # another member has the partition, or the cluster is away: the next commit moves it, or a repeat finds its receipt
            where = {"topic": record.topic, "partition": record.partition, "offset": record.offset}
            logger.warning("offset not moved", extra={**where, "error": type(trouble).__name__})

    def pause(self, record):
        partition = TopicPartition(record.topic, record.partition)
        self.consumer.pause(partition)
        self.consumer.seek(partition, record.offset)

    def resume(self):
        self.consumer.resume(*self.consumer.paused())

    def close(self):
        """Leave the group, if the cluster is there to be told."""
        self.consumer.close(autocommit=False, timeout_ms=LEAVE_WITHIN)
