"""Kafka: the broker that a relay sends to, and the source that a consumer reads from."""

import logging
import sys
import time

from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.errors import KafkaError, MessageSizeTooLargeError
from kafka.structs import OffsetAndMetadata

SEND_SECONDS = 10.0
LEAVE_MILLISECONDS = 3000
OPTIONS = {
    "kafka_bootstrap_servers": "bootstrap_servers",
    "kafka_security_protocol": "security_protocol",
    "kafka_sasl_mechanism": "sasl_mechanism",
    "kafka_sasl_username": "sasl_plain_username",
    "kafka_sasl_password": "sasl_plain_password",
    "kafka_ca_file": "ssl_cafile",
}
SOURCE = {
    "enable_auto_commit": False,
    "auto_offset_reset": "earliest",
    "session_timeout_ms": 10_000,
    # the broker answers a fetch at once where it has data; these are for a consumer at rest
    "fetch_max_wait_ms": 1000,
    "metrics_enabled": False,
    # kafka-python 3.0 does not go on with a partition that was paused before all of a fetch was
    # read: so a poll returns all of a fetch, and a fetch is small
    "max_poll_records": sys.maxsize,
    "max_partition_fetch_bytes": 65_536,
}
POLL_MILLISECONDS = 800  # a process that has to stop waits for the end of a poll
POLL_MILLISECONDS_WHILE_PAUSED = 100
logger = logging.getLogger(__name__)


def connection(settings):
    """The options of a Kafka client, from the settings of kit.settings.KAFKA."""
    return {
        option: getattr(settings, name)
        for name, option in OPTIONS.items()
        if getattr(settings, name) is not None
    }


class Broker:
    """A Kafka cluster; connection is the options of its clients."""

    def __init__(self, connection):
        self.connection = connection
        self.producer = None

    def send(self, messages):
        """Send messages; return for each whether all in-sync replicas have acknowledged it."""
        sent = [False] * len(messages)
        try:
            self.producer = self.producer or self._new_producer()
            futures = [self._send(message) for message in messages]
            # twice as long as a delivery may take: then each of them has ended
            self.producer.flush(2 * SEND_SECONDS)
            sent = [future is not None and future.succeeded() for future in futures]
        except KafkaError as error:
            logger.error("kafka", extra={"error": f"{type(error).__name__} {error}"})
        if not all(sent):
            self.close()  # or a message that is left in it could arrive after later ones
        return sent

    def _send(self, message):
        """The future of one message; None if it is too large, which does not stop the others."""
        try:
            return self.producer.send(
                message.topic,
                value=message.value(),
                key=message.key.encode(),
                headers=message.headers(),
            )
        except MessageSizeTooLargeError as error:
            about = {"message_id": message.id, "topic": message.topic, "key": message.key}
            logger.error("too large", extra={**about, "error": str(error)})
            return None

    def _new_producer(self):
        milliseconds = int(SEND_SECONDS * 1000)
        return KafkaProducer(
            **self.connection,
            acks="all",
            linger_ms=5,
            delivery_timeout_ms=milliseconds,
            request_timeout_ms=milliseconds // 2,
            max_block_ms=milliseconds,
        )

    def close(self):
        """Drop the producer, and what it has not sent."""
        producer, self.producer = self.producer, None
        if producer:
            # close() alone sends what is left, raises, and does not end its thread
            producer._sender.force_close()
            producer._sender.join(1)
            producer.close(timeout=0)

    def source(self, group, topics):
        """What a member of a consumer group reads of topics."""
        return Source(self.connection, group, topics)


class Source:
    """The records of the partitions of one member of a group; only commit() moves offsets."""

    def __init__(self, connection, group, topics):
        self.topics = topics
        self.consumer = KafkaConsumer(**connection, group_id=group, **SOURCE)

    def poll(self):
        """The next records; waits a little where there are none."""
        if not self.consumer.subscription() and not self._subscribe():
            return []
        is_paused = bool(self.consumer.paused())
        wait = POLL_MILLISECONDS_WHILE_PAUSED if is_paused else POLL_MILLISECONDS
        polled = self.consumer.poll(timeout_ms=wait)
        return [record for records in polled.values() for record in records]

    def _subscribe(self):
        """Join the group, if all topics exist: a member that joins earlier may never get their
        partitions."""
        missing = [topic for topic in self.topics if not self.consumer.partitions_for_topic(topic)]
        if missing:
            logger.warning("no such topics", extra={"topics": missing})
            time.sleep(1)
            return False
        self.consumer.subscribe(self.topics)
        return True

    def commit(self, record):
        """Move the offset of a partition past record."""
        partition = TopicPartition(record.topic, record.partition)
        try:
            self.consumer.commit({partition: OffsetAndMetadata(record.offset + 1, "", -1)})
        except KafkaError as error:
            # Kafka is away, or another member has the partition: the next commit moves the offset,
            # or the message comes again and is a duplicate
            position = {"topic": record.topic, "partition": record.partition}
            more = {"offset": record.offset, "error": type(error).__name__}
            logger.warning("offset not moved", extra={**position, **more})

    def pause(self, record):
        """Read no more of a partition, and begin at record again when it goes on."""
        partition = TopicPartition(record.topic, record.partition)
        self.consumer.pause(partition)
        self.consumer.seek(partition, record.offset)

    def resume(self):
        """Let all paused partitions go on."""
        self.consumer.resume(*self.consumer.paused())

    def close(self):
        """Leave the group, if Kafka answers."""
        self.consumer.close(autocommit=False, timeout_ms=LEAVE_MILLISECONDS)
