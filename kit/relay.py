"""The relay: sends the messages of the outbox to a broker, at least once, in order for each key.

One relay leads at a time: it holds an advisory lock of the outbox's database. A second relay, the
standby, takes over when the leader's connection ends. A row is marked as published only when the
broker has acknowledged its message. If a message fails, the later messages of its key wait; the
other keys go on.

As a process: python -m kit.relay"""

import logging
import os
import signal
import threading
import time

import psycopg
from psycopg.rows import namedtuple_row

from kit import kafka, log, trace
from kit.backoff import Backoff
from kit.message import CHANNEL, Message
from kit.network import NETWORK, SERVER_NETWORK
from kit.settings import DATABASE, KAFKA, PROCESS, or_exit, parse

BATCH = 500  # rows
POLL_SECONDS = 0.8
STANDBY_SECONDS = 0.5
TRIM_SECONDS = 60.0
LEADER = 20_260_601  # the number of the advisory lock
RETRY_SECONDS = 0.25  # the pause before failed keys are tried again; it grows
LONGEST_RETRY_SECONDS = 4.0
REPORT_SECONDS = 10.0  # between two log lines about failed keys; this grows, too
LONGEST_REPORT_SECONDS = 300.0

LEAD = "select pg_try_advisory_lock(%s) as is_leader"
UNPUBLISHED = """
select id, message_id, topic, type, key, data, traceparent, snapshot, recorded_at
from outbox
where published_at is null and topic || ' ' || key <> all(%s)
order by id
limit %s"""
MARK = "update outbox set published_at = clock_timestamp() where id = any(%s)"
TRIM = "delete from outbox where published_at < clock_timestamp() - interval '1 day'"
BACKLOG = """
select count(*) as rows,
       coalesce(extract(epoch from clock_timestamp() - min(recorded_at)), 0) as age
from outbox
where published_at is null"""
logger = logging.getLogger(__name__)


class Relay:
    """Sends what is in the outbox of the database at url, until stop, a threading.Event, is set.

    broker.send(messages) returns for each message whether the broker has acknowledged it."""

    def __init__(self, url, broker, stop):
        self.url = url
        self.broker = broker
        self.stop = stop
        self.failed_keys = set()
        self.retrying = Backoff(RETRY_SECONDS, LONGEST_RETRY_SECONDS)
        self.reporting = Backoff(REPORT_SECONDS, LONGEST_REPORT_SECONDS)
        self.trimmed_at = 0.0

    def run(self):
        """Lead or stand by; connect again whenever the database was away."""
        while not self.stop.is_set():
            try:
                with self.connect() as connection:
                    if self.wait_for_lead(connection):
                        self.lead(connection)
            except psycopg.Error as error:
                logger.error("database", extra={"error": str(error).strip().partition("\n")[0]})
                self.stop.wait(STANDBY_SECONDS)

    def connect(self):
        return psycopg.connect(
            self.url,
            autocommit=True,
            row_factory=namedtuple_row,
            options=" ".join(f"-c {name}={value}" for name, value in SERVER_NETWORK.items()),
            **NETWORK,
        )

    def wait_for_lead(self, connection):
        """Wait until this relay has the advisory lock; False if it has to stop before that."""
        while not connection.execute(LEAD, [LEADER]).fetchone().is_leader:
            if self.stop.wait(STANDBY_SECONDS):
                return False
        logger.info("leading")
        return True

    def lead(self, connection):
        """Send batch after batch; wait for a notification when there is nothing left to send."""
        connection.execute(f"listen {CHANNEL}")
        while not self.stop.is_set():
            is_full = self.send_batch(connection)
            if not is_full:
                wait_for_notification(connection)
            self.trim(connection)

    def send_batch(self, connection):
        """Send the oldest unpublished rows; True if the batch was full: there may be more.

        First the first row of each key is sent; when these are acknowledged, the second of each
        key, and so on. Failed keys are left out until it is time to try them again."""
        if self.retrying.is_due():
            self.failed_keys = set()
        failed_before = self.failed_keys
        rows = connection.execute(UNPUBLISHED, [list(self.failed_keys), BATCH]).fetchall()
        is_full = len(rows) == BATCH
        while rows and not self.stop.is_set():
            heads, rest = split_heads(rows)
            self.send(connection, heads)
            rows = [row for row in rest if key_of(row) not in self.failed_keys]
        if self.failed_keys != failed_before:
            self.note_failure(connection)
        elif not self.failed_keys:
            self.retrying.reset()
            self.reporting.reset()
        return is_full

    def send(self, connection, rows):
        """Send rows of different keys, and mark those that the broker has acknowledged."""
        sent = self.broker.send([as_message(row) for row in rows])
        results = list(zip(rows, sent, strict=True))
        acknowledged = [row for row, is_acknowledged in results if is_acknowledged]
        connection.execute(MARK, [[row.id for row in acknowledged]])
        failed = {key_of(row) for row, is_acknowledged in results if not is_acknowledged}
        self.failed_keys = self.failed_keys | failed
        for row in acknowledged:
            trace.add_span(f"publish {row.type}", "producer", row.traceparent, row.recorded_at)

    def note_failure(self, connection):
        """Begin a pause unless one runs; write to the log now and then what waits."""
        if self.retrying.is_due():
            self.retrying.fail()
        if not self.reporting.is_due():
            return
        self.reporting.fail()
        backlog = connection.execute(BACKLOG).fetchone()
        numbers = {
            "keys": len(self.failed_keys),
            "some": [key[:100] for key in sorted(self.failed_keys)[:3]],
            "backlog": backlog.rows,
            "oldest_s": round(float(backlog.age), 1),
        }
        logger.error("not acknowledged", extra=numbers)

    def trim(self, connection):
        """Delete the rows that were published a day ago, once a minute."""
        if time.monotonic() - self.trimmed_at > TRIM_SECONDS:
            connection.execute(TRIM)
            self.trimmed_at = time.monotonic()


def wait_for_notification(connection):
    """Wait for a notification, at most POLL_SECONDS: then the relay looks even without one."""
    for _ in connection.notifies(timeout=POLL_SECONDS, stop_after=1):
        pass  # several may have come: looking once is enough for all of them


def split_heads(rows):
    """(the first row of each key, the other rows)"""
    heads = {}
    rest = []
    for row in rows:
        if heads.setdefault(key_of(row), row) is not row:
            rest.append(row)
    return list(heads.values()), rest


def key_of(row):
    """A row's key, unique over all topics, as UNPUBLISHED compares it."""
    return f"{row.topic} {row.key}"


def as_message(row):
    return Message(
        topic=row.topic,
        type=row.type,
        key=row.key,
        data=row.data,
        id=row.message_id,
        recorded_at=row.recorded_at,
        traceparent=row.traceparent,
        snapshot=row.snapshot,
    )


def main():
    settings = or_exit(parse, {**DATABASE, **KAFKA, **PROCESS}, os.environ)
    log.configure(settings.log_level)
    trace.configure(settings)
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda number, frame: stop.set())
    Relay(settings.database_url, kafka.Broker(kafka.connection(settings)), stop).run()


if __name__ == "__main__":
    main()
