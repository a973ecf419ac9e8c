"""The relay: takes what is in the outbox to a broker, at least once, and in order for each key.

One leader at a time, by an advisory lock of the outbox's own database; a standby takes over when the leader's connection ends. Only
what the broker has acknowledged is marked; a key stops at its first failure while the others go on.

As a process: python -m extracted.kit.relay"""

import logging
import os
import signal
import threading
import time

import psycopg
from psycopg.rows import namedtuple_row

from extracted.kit import kafka, log, settings, trace
from extracted.kit.message import Message

LEADER = 20_260_601  # the number of the advisory lock
BATCH, POLL, STANDBY, TRIM_EVERY = 2000, 0.25, 0.5, 60.0  # rows; seconds
KEEP = "1 day"
NOTICED = "-c tcp_keepalives_idle=5 -c tcp_keepalives_interval=2 -c tcp_keepalives_count=3"  # a leader whose machine is gone does not lead on
NEXT = """select id, message_id, topic, type, key, data, traceparent, announced, recorded_at from outbox
          where published_at is null and topic || ' ' || key <> all(%s) order by id limit %s"""
MARK = "update outbox set published_at = clock_timestamp() where id = any(%s)"
BACKLOG = "select count(*), coalesce(extract(epoch from clock_timestamp() - min(recorded_at)), 0) from outbox where published_at is null"
logger = logging.getLogger(__name__)


class Relay:
    """Works until stop is set. broker.send(messages) answers, in their order, whether the broker has each for good."""

    def __init__(self, url, broker, stop):
        self.url, self.broker, self.stop = url, broker, stop
        self.trimmed, self.stopped = 0.0, set()

    def run(self):
        while not self.stop.is_set():
            try:
                with psycopg.connect(self.url, autocommit=True, row_factory=namedtuple_row, connect_timeout=3, options=NOTICED) as connection:
                    self.lead(connection)
            except psycopg.Error as trouble:
                logger.error("database", extra={"error": str(trouble).strip().partition("\n")[0]})
                self.stop.wait(STANDBY)

    def lead(self, connection):
        while not connection.execute("select pg_try_advisory_lock(%s) as is_mine", [LEADER]).fetchone().is_mine:
            if self.stop.wait(STANDBY):
                return
        logger.info("leading")
        connection.execute("listen outbox")
        while not self.stop.is_set():
            if not self.pass_on(connection):  # nothing more to do just now: a notification ends the wait early, and is only a hint
                next(connection.notifies(timeout=POLL, stop_after=1), None)
            self.trim(connection)

    def pass_on(self, connection):
        """Take over a batch of what waits, the first of each key in each round; True if it was full, so that there may be more.

        A key that stopped is left out until what waits has been gone through, and is tried again then."""
        rows = connection.execute(NEXT, [list(self.stopped), BATCH]).fetchall()
        is_full = len(rows) == BATCH
        while rows and not self.stop.is_set():
            this_round, rows = split(rows)
            sent = self.broker.send([as_message(row) for row in this_round])
            there = [row for row, is_there in zip(this_round, sent, strict=True) if is_there]
            connection.execute(MARK, [[row.id for row in there]])
            for row in there:
                trace.note(f"publish {row.type}", "producer", row.traceparent, row.recorded_at)
            self.stopped |= {name(row) for row, is_there in zip(this_round, sent, strict=True) if not is_there}
            rows = [row for row in rows if name(row) not in self.stopped]
        if self.stopped and not is_full:
            count, age = connection.execute(BACKLOG).fetchone()
            logger.error("not acknowledged", extra={"keys": len(self.stopped), "backlog": count, "oldest_s": round(float(age), 1)})
            self.stopped = set()
        return is_full

    def trim(self, connection):
        """Drop what was published a while ago, now and then."""
        if time.monotonic() - self.trimmed > TRIM_EVERY:
            connection.execute(f"delete from outbox where published_at < clock_timestamp() - interval '{KEEP}'")
            self.trimmed = time.monotonic()


def split(rows):
    """(the first row of each key, the others)"""
    first, others, seen = [], [], set()
    for row in rows:
        (others if name(row) in seen else first).append(row)
        seen.add(name(row))
    return first, others


def name(row):
    """What tells a row's key from those of all topics, as NEXT does."""
    return f"{row.topic} {row.key}"


def as_message(row):
    return Message(row.message_id, row.topic, row.type, row.key, row.data, row.recorded_at, row.traceparent, row.announced)


def main():
    told = settings.or_exit(settings.parse, {**settings.DATABASE, **settings.KAFKA, **settings.PROCESS}, os.environ)
    log.configure(told["log_level"])
    trace.configure(told)
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda number, frame: stop.set())
    Relay(told["database_url"], kafka.Broker(kafka.connection(told)), stop).run()


if __name__ == "__main__":
    main()
