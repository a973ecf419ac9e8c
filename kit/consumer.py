"""The consumer: each message has its effect once, in the order of its partition, even if processes
are killed.

The inbox row and the effect are one transaction; the offset moves last. There are three answers to
trouble:

- A message that nobody can process (Unprocessable) becomes a dead letter.
- A message whose prerequisite is missing (NotYet), or whose handler needs a service or a database
  that does not answer, waits: its partition is paused, the others go on.
- Any other exception ends the process, and its supervisor starts it again.

If the business refuses (a card is declined), that is not trouble: the handler publishes it as a
message."""

import logging
import time

from sqlalchemy.exc import InterfaceError, OperationalError

from kit import dead_letters, inbox, log, trace
from kit.message import Unprocessable, read
from kit.refusals import Unavailable

RETRY_SECONDS = 0.25
REPORT_SECONDS = 10.0  # a message that waits for longer is logged
# one step works no longer than this: after five minutes without a poll Kafka counts a member of a
# consumer group as dead
WORK_SECONDS = 60.0
logger = logging.getLogger(__name__)


class NotYet(Exception):
    """This message has to wait: its prerequisite will come, or this step has no time left."""


class Consumer:
    """Processes the messages of source with handlers, {type: handle(session, message)}.

    group names the consumer group, and the consumer in inbox and dead_letters. transaction() is a
    context manager that yields a session. Snapshot messages are skipped unless `snapshots`."""

    def __init__(
        self,
        group,
        source,
        handlers,
        transaction,
        *,
        snapshots=False,
        retry_seconds=RETRY_SECONDS,
    ):
        self.group = group
        self.source = source
        self.handlers = handlers
        self.transaction = transaction
        self.snapshots = snapshots
        self.waits = (NotYet, Unavailable, OperationalError, InterfaceError)
        self.retry_seconds = retry_seconds
        self.resume_at = None
        self.waiting_since = {}
        self.reported = set()

    def run(self, stop):
        """Consume until the event stop is set."""
        try:
            while not stop.is_set():
                self.step(stop)
        finally:
            self.source.close()  # if not, its partitions wait until Kafka counts it as dead

    def step(self, stop=None):
        """Process the records of one poll; then move the offsets past the processed ones."""
        self.resume_when_due()
        deadline = time.monotonic() + WORK_SECONDS
        paused = set()
        last_processed = {}
        for record in self.source.poll():
            partition = partition_of(record)
            if partition in paused:
                continue  # Kafka delivers it again, after the record that waits
            log.context.set(position_of(record))
            try:
                if time.monotonic() > deadline or (stop and stop.is_set()):
                    raise NotYet("no time is left in this step")
                self.process(record)
            except self.waits as reason:
                self.pause(record, reason)
                paused.add(partition)
            else:
                self.waiting_since.pop(partition, None)
                self.reported.discard(partition)
                last_processed[partition] = record
        log.context.set({})
        for record in last_processed.values():
            self.source.commit(record)

    def process(self, record):
        """Apply the message of a record; a record that nobody can process becomes a dead letter."""
        try:
            self.apply(read(record.topic, record.key, record.value, record.headers))
        except Unprocessable as cause:
            logger.error("dead letter", extra={"cause": str(cause)})
            with self.transaction() as session:
                dead_letters.add(session, self.group, record, str(cause))

    def apply(self, message):
        """Write the inbox row of a message and its effect in one transaction."""
        handle = self.handlers.get(message.type)
        if handle is None or (message.snapshot and not self.snapshots):
            return
        span = trace.span(f"{self.group} {message.type}", "consumer", message.traceparent)
        with span, self.transaction() as session:
            ids = {"trace_id": trace.trace_id(), "message_id": message.id}
            log.context.set({**log.context.get(), **ids})
            if inbox.add(session, self.group, message.id):
                handle(session, message)

    def pause(self, record, reason):
        """Let the partition of a record wait; write to the log if that takes long."""
        self.source.pause(record)
        now = time.monotonic()
        if self.resume_at is None:
            self.resume_at = now + self.retry_seconds
        partition = partition_of(record)
        since = self.waiting_since.setdefault(partition, now)
        if partition not in self.reported and now - since > REPORT_SECONDS:
            logger.warning("still waiting", extra={"reason": str(reason)})
            self.reported.add(partition)

    def resume_when_due(self):
        """Let all paused partitions go on, once it is time to try again."""
        if self.resume_at is not None and time.monotonic() >= self.resume_at:
            self.source.resume()
            self.resume_at = None


def partition_of(record):
    return record.topic, record.partition


def position_of(record):
    """Where a record stands in Kafka, as a log line names it."""
    return {"topic": record.topic, "partition": record.partition, "offset": record.offset}
