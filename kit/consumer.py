"""The consumer: each message has its effect, in the order of its partition, even if processes are
killed.

The effect is one transaction; the offset moves last. A message that fails never
stops the others for ever. There are five answers (kit/failures.py):

- A message that nobody can process (Unprocessable) becomes a dead letter at once.
- A message whose prerequisite is missing (NotYet) waits, for some minutes; then it becomes a dead
  letter. Its partition is paused, the others go on.
- A service or the database does not answer: the message waits as long as that lasts. The pause
  between two tries grows.
- A message that cannot be processed now, though others can (TryLater), becomes a dead letter that
  is tried again without an operator.
- Any other exception: the message is tried a few times, then becomes such a dead letter, too.

If the business refuses (a card is declined), that is not trouble: the handler publishes it as a
message."""

import logging
import time

from kit import dead_letters, log, trace
from kit.backoff import Backoff
from kit.failures import cause_of, is_defect, patience
from kit.message import read

RETRY_SECONDS = 0.25
LONGEST_RETRY_SECONDS = 2.0
REPORT_SECONDS = 10.0  # a message that waits for longer is logged
# one step works no longer than this: after five minutes without a poll Kafka counts a member of a
# consumer group as dead
WORK_SECONDS = 60.0
logger = logging.getLogger(__name__)


class Wait:
    """A record that is tried again; the later ones of its partition wait for it."""

    def __init__(self, offset, retry_seconds):
        self.offset = offset
        self.since = time.monotonic()
        self.backoff = Backoff(retry_seconds, LONGEST_RETRY_SECONDS)
        self.is_reported = False

    def seconds(self):
        return time.monotonic() - self.since


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
        self.retry_seconds = retry_seconds
        self.waits = {}  # {partition: Wait}

    def run(self, stop, on_step=lambda: None):
        """Consume until the event stop is set; call on_step() before each step."""
        try:
            while not stop.is_set():
                on_step()
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
            has_time = time.monotonic() < deadline and not (stop and stop.is_set())
            if has_time and self.process(record):
                last_processed[partition] = record
                self.waits.pop(partition, None)
            else:
                self.wait_of(record)
                self.source.pause(record)
                paused.add(partition)
        log.context.set({})
        for record in last_processed.values():
            self.source.commit(record)

    def process(self, record):
        """Apply the message of a record, or make it a dead letter; False if it has to wait."""
        try:
            self.attempt(record)
        except Exception as error:
            self.keep_waiting(record, error)
            return False
        return True

    def attempt(self, record):
        """Apply the message of a record; if it has failed for too long, add a dead letter."""
        try:
            self.apply(read(record.topic, record.key, record.value, record.headers))
        except Exception as error:
            if self.wait_of(record).seconds() < patience(error):
                raise
            with self.transaction() as session:
                dead_letters.add(session, self.group, record, error)
            trouble = error if is_defect(error) else None
            logger.error("dead letter", extra={"cause": cause_of(error)}, exc_info=trouble)

    def apply(self, message):
        """Write the effect of a message in one transaction."""
        handle = self.handlers.get(message.type)
        if handle is None or (message.snapshot and not self.snapshots):
            return
        span = trace.span(f"{self.group} {message.type}", "consumer", message.traceparent)
        with span, self.transaction() as session:
            ids = {"trace_id": trace.trace_id(), "message_id": message.id}
            log.context.set({**log.context.get(), **ids})
            handle(session, message)

    def wait_of(self, record):
        """The Wait of a record, which begins now unless it has begun."""
        partition = partition_of(record)
        wait = self.waits.get(partition)
        if wait is None or wait.offset != record.offset:
            wait = self.waits[partition] = Wait(record.offset, self.retry_seconds)
        return wait

    def keep_waiting(self, record, error):
        """Let a record wait for its next try; write to the log if that takes long."""
        wait = self.wait_of(record)
        wait.backoff.fail()
        if not wait.is_reported and wait.seconds() > REPORT_SECONDS:
            wait.is_reported = True
            causes = {"reason": cause_of(error), "cause": cause_of(error.__cause__ or error)}
            logger.warning("still waiting", extra=causes)

    def resume_when_due(self):
        """Let the partitions go on whose record is to be tried again now."""
        for partition, wait in self.waits.items():
            if wait.backoff.is_due():
                self.source.resume(partition)


def partition_of(record):
    return record.topic, record.partition


def position_of(record):
    """Where a record stands in Kafka, as a log line names it."""
    return {"topic": record.topic, "partition": record.partition, "offset": record.offset}
