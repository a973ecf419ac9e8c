"""Kafka: the broker that a relay sends to, and the source that a consumer reads from."""

import logging
import sys
import time

from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import KafkaAdminClient
from kafka.errors import KafkaError, MessageSizeTooLargeError
from kafka.structs import OffsetAndMetadata

from kit import headers
from kit.backoff import Backoff

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
    "fetch_max_wait_ms": 2000,
    "metrics_enabled": False,
    # a member that joined before it knew its topics' partitions has none, until it asks again
    "metadata_max_age_ms": 5000,
    # kafka-python 3.0 does not go on with a partition that was paused before all of a fetch was
    # read: so a poll returns all of a fetch, and a fetch is small
    "max_poll_records": sys.maxsize,
    "max_partition_fetch_bytes": 65_536,
}
# A commit for each message would cost Kafka and us more than the message. After a sudden death the
# messages of one second come again; the inbox knows them.
COMMIT_SECONDS = 1.0
POLL_MILLISECONDS = 2000  # a process that has to stop waits for the end of a poll
POLL_MILLISECONDS_WHILE_PAUSED = 100
LOOK_SECONDS = 1.0  # between two looks for topics that were missing
LONGEST_LOOK_SECONDS = 30.0
logger = logging.getLogger(__name__)
headers.read_all()


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
        self.topics = set()  # those that exist
        self.too_large = set()  # ids of messages, to log each once
        self.looking = Backoff(LOOK_SECONDS, LONGEST_LOOK_SECONDS)

    def send(self, messages):
        """Send messages; return for each whether all in-sync replicas have acknowledged it."""
        futures = []
        try:
            self._look_for({message.topic for message in messages})
            self.producer = self.producer or self._new_producer()
            try:
                for message in messages:
                    futures.append(self._send(message))
            finally:
                # twice as long as a delivery may take: then each of them has ended
                self.producer.flush(2 * SEND_SECONDS)
        except KafkaError as error:
            logger.error("kafka", extra={"error": f"{type(error).__name__} {error}"})
        sent = [future is not None and future.succeeded() for future in futures]
        if len(sent) < len(messages) or any(map(_is_left, futures)):
            self.close()  # or a message that is left in it could arrive after later ones
        return sent + [False] * (len(messages) - len(sent))

    def _look_for(self, topics):
        """Learn which topics exist: a producer that gets a missing one holds up all others."""
        if topics <= self.topics or not self.looking.is_due():
            return
        self.topics = self._existing_topics()
        if topics <= self.topics:
            self.looking.reset()
        else:
            self.looking.fail()
            logger.error("no such topics", extra={"topics": sorted(topics - self.topics)})

    def _existing_topics(self):
        admin = self._new_admin()
        try:
            return set(admin.list_topics())
        finally:
            admin.close()

    def _new_admin(self):
        milliseconds = int(SEND_SECONDS * 1000)
        limits = {"request_timeout_ms": milliseconds, "bootstrap_timeout_ms": milliseconds}
        return KafkaAdminClient(**self.connection, **limits)

    def _send(self, message):
        """The future of one message; None if it cannot be sent, which does not stop the others."""
        if message.topic not in self.topics:
            return None
        try:
            return self.producer.send(
                message.topic,
                value=message.value(),
                key=message.key.encode(),
                headers=message.headers(),
            )
        except MessageSizeTooLargeError as error:
            if message.id not in self.too_large:
                self.too_large.add(message.id)
                about = {"message_id": message.id, "topic": message.topic, "key": message.key[:100]}
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
        """Drop the producer, and what it has not sent; a topic may have been deleted."""
        producer, self.producer = self.producer, None
        self.topics = set()
        self.looking.reset()
        if producer:
            # close() alone sends what is left, raises, and does not end its thread
            producer._sender.force_close()
            producer._sender.join(1)
            producer.close(timeout=0)

    def source(self, group, topics):
        """What a member of a consumer group reads of topics."""
        return Source(self.connection, group, topics)

    def set_back(self, group):
        """Delete the offsets of a consumer group, so that it begins at the beginning of its topics;
        False, and nothing is done, if it has members."""
        admin = self._new_admin()
        try:
            answer = admin.delete_groups([group])[group]
        finally:
            admin.close()
        if answer not in ("OK", "GroupIdNotFoundError", "NonEmptyGroupError"):
            raise KafkaError(f"the consumer group {group} was not set back: {answer}")
        return answer != "NonEmptyGroupError"


def _is_left(future):
    """Whether a message may still be in the producer: it was given to it, and not acknowledged."""
    return future is not None and not future.succeeded()


class Source:
    """The records of the partitions of one member of a group; only commit() moves offsets."""

    def __init__(self, connection, group, topics):
        self.topics = set(topics)
        self.subscribed = set()
        self.looking = Backoff(LOOK_SECONDS, LONGEST_LOOK_SECONDS)
        self.processed = {}  # {partition: the offset to commit}
        self.committed_at = 0.0
        self.consumer = KafkaConsumer(**connection, group_id=group, **SOURCE)

    def poll(self):
        """The next records; waits a little where there are none."""
        if time.monotonic() - self.committed_at > COMMIT_SECONDS:
            self._commit()
        if self.subscribed != self.topics and self.looking.is_due():
            self._subscribe()
        if not self.subscribed:
            time.sleep(LOOK_SECONDS)
            return []
        polled = self.consumer.poll(timeout_ms=self._longest_wait())
        return [record for records in polled.values() for record in records]

    def _longest_wait(self):
        """Milliseconds: a consumer at rest looks seldom, since there are many of them."""
        if self.consumer.paused():
            return POLL_MILLISECONDS_WHILE_PAUSED
        return COMMIT_SECONDS * 1000 if self.processed else POLL_MILLISECONDS

    def _subscribe(self):
        """Join the group for the topics that exist: a member that joins for a topic before it
        exists may never get its partitions."""
        found = self.topics & self.consumer.topics()
        if found != self.topics:
            self.looking.fail()
            logger.warning("no such topics", extra={"topics": sorted(self.topics - found)})
        if found - self.subscribed:
            self.subscribed |= found
            self.consumer.subscribe(sorted(self.subscribed))

    def commit(self, record):
        """Move the offset of a partition past record: within COMMIT_SECONDS, or at close()."""
        partition = TopicPartition(record.topic, record.partition)
        self.processed[partition] = OffsetAndMetadata(record.offset + 1, "", -1)

    def _commit(self):
        if not self.processed:
            return
        offsets = self.processed
        self.processed = {}
        self.committed_at = time.monotonic()
        try:
            self.consumer.commit(offsets, timeout_ms=LEAVE_MILLISECONDS)
        except KafkaError as error:
            # Kafka is away, or another member has a partition: the next commit moves the offset, or
            # the messages come again and are duplicates
            names = [f"{each.topic} {each.partition}" for each in offsets]
            more = {"partitions": names, "error": type(error).__name__}
            logger.warning("offsets not moved", extra=more)

    def pause(self, record):
        """Read no more of a partition, and begin at record again when it goes on."""
        partition = TopicPartition(record.topic, record.partition)
        self.consumer.pause(partition)
        self.consumer.seek(partition, record.offset)

    def resume(self, partition):
        """Let a partition, (topic, number), go on, if this member still has it."""
        if TopicPartition(*partition) in self.consumer.paused():
            self.consumer.resume(TopicPartition(*partition))

    def close(self):
        """Commit, and leave the group, if Kafka answers."""
        self._commit()
        self.consumer.close(autocommit=False, timeout_ms=LEAVE_MILLISECONDS)
