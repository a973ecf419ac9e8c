"""The commands of a release: one of them at a time works on a database."""

import sys
import time
from contextlib import contextmanager

from sqlalchemy import func, select

RELEASE = (2, 0)  # the numbers of the lock: no other lock of ours begins with the first
WITHIN = 300.0  # seconds
PAUSE = 0.2


@contextmanager
def turn(connection, *, within=WITHIN):
    """Wait until no other command of a release works on the database, and keep it so until the end;
    exit with one line if that takes too long.

    connection is a connection or a session in autocommit mode: CREATE INDEX CONCURRENTLY waits for
    all statements and transactions, so none may wait for it."""
    deadline = time.monotonic() + within
    while not connection.scalar(select(func.pg_try_advisory_lock(*RELEASE))):
        if time.monotonic() > deadline:
            sys.exit(f"encore: another release has been running for {within:g} s; try again later")
        time.sleep(PAUSE)
    try:
        yield
    finally:
        connection.scalar(select(func.pg_advisory_unlock(*RELEASE)))
