"""The consumer: each message has its effect once, in the order of its partition, whatever is killed.

The effect and its receipt are one transaction; the offset moves last. Trouble has four answers: what nobody can read, or can ever do
anything about (Never), is buried; a refusal of the business is the handler's own fact; a message whose premise has not come (NotYet) makes
its partition wait while the others go on; anything else ends the process, which is started again."""

import logging
import time
from contextlib import suppress

from extracted.kit import inbox, log, trace
from extracted.kit.message import Never, read

PATIENCE = 10.0  # seconds after which a message that waits for its premise is mentioned
WITHIN = 60.0  # seconds of work on what one poll has brought; Kafka takes a member for dead after five minutes without a poll
logger = logging.getLogger(__name__)


class NotYet(Exception):
    """What this message builds on has not come; it will."""


class Consumer:
    """Applies handlers, {type: handle(session, message)}, to what the records of a part's topics say.

    source.poll() answers records with topic, partition, offset, key, value and headers; source.commit(record) moves the offset past one;
    source.pause(record) sets its partition back to it, and source.resume() lets all go on. transaction() is a session of the part's own
    database; away are the exceptions that say that a service is away, which makes a message wait as NotYet does. What is announced, rather
    than happening now, is heard if announced says so."""

    def __init__(self, name, source, handlers, transaction, *, away=(), announced=False, retry_after=0.5):
        self.name, self.source, self.handlers, self.transaction, self.not_yet = name, source, handlers, transaction, (NotYet, *away)
        self.announced = announced
        self.retry_after, self.resume_at, self.waiting = retry_after, None, {}

    def run(self, stop):
        try:
            while not stop.is_set():
                self.step(stop)
        finally:
            self.source.close()  # else the group waits for a member that is gone

    def step(self, stop=None):
        """Take in what there is just now, or what there is time for."""
        if self.resume_at is not None and time.monotonic() >= self.resume_at:
            self.source.resume()
            self.resume_at = None
        until, done, held_up = time.monotonic() + WITHIN, {}, set()
        for record in self.source.poll():
            partition = (record.topic, record.partition)
            if partition in held_up:
                continue  # set back already: it comes again, after the one that waits
            log.about.set({"topic": record.topic, "partition": record.partition, "offset": record.offset})
            try:
                if time.monotonic() > until or (stop and stop.is_set()):
                    raise NotYet("time is up")
                self.take(record)
            except self.not_yet as reason:
                held_up.add(partition)
                self.hold_up(record, reason)
            else:
                self.waiting.pop(partition, None)
                done[partition] = record
        log.about.set({})
        for record in done.values():
            self.source.commit(record)

    def take(self, record):
        """Apply what a record says, or bury it."""
        try:
            self.apply(read(record.topic, record.key, record.value, record.headers))
        except Never as cause:
            logger.error("buried", extra={"cause": str(cause)})
            with self.transaction() as session:
                inbox.bury(session, self.name, record, str(cause))

    def apply(self, message):
        """The effect of a message and its receipt, in one transaction."""
        handle = self.handlers.get(message.type)
        if handle is None or (message.announced and not self.announced):
            return
        with trace.span(f"{self.name} {message.type}", "consumer", message.traceparent), self.transaction() as session:
            log.about.set({**log.about.get(), "trace_id": trace.trace_id(), "message_id": message.id})
            if inbox.is_new(session, self.name, message.id):
                handle(session, message)

    def replay(self):
        """Apply what was buried and can be applied by now, in the order in which it came; answers how many letters are left.

        What was said later about the same aggregates has had its effect before."""
        with self.transaction() as session:
            letters = inbox.letters(session, self.name)
        for letter in letters:
            with suppress(Never, *self.not_yet):
                self.apply(read(*inbox.as_it_came(letter)))
                with self.transaction() as session:  # a death in between leaves a letter whose receipt is there already
                    inbox.remove(session, letter)
        with self.transaction() as session:
            return len(inbox.letters(session, self.name))

    def hold_up(self, record, reason):
        """Let a record's partition wait, and say so where that takes long."""
        partition = (record.topic, record.partition)
        self.source.pause(record)
        self.resume_at = self.resume_at or time.monotonic() + self.retry_after
        since, said = self.waiting.setdefault(partition, (time.monotonic(), False))
        if not said and time.monotonic() - since > PATIENCE:
            logger.warning("still waiting", extra={"for": str(reason)})
            self.waiting[partition] = (since, True)
