"""Migrations of a database, which run beside the shop.

A migration first changes the tables that are in use, in `beside_the_shop`. Then it makes new tables
in its own transaction."""

import sys
import time
from contextlib import contextmanager

from alembic import context, op
from psycopg.errors import InsufficientPrivilege, LockNotAvailable, OperationalError
from sqlalchemy import create_engine, event
from sqlalchemy.exc import DBAPIError

from kit.database import NETWORK
from kit.turn import turn

BRIEFLY = "300ms"  # all requests wait behind a statement that waits for a table
PAUSE = 0.5  # seconds, in which they go on
WITHIN = 300.0  # seconds


def run(url, **options):
    """Run the migrations that Alembic was called for, after those of another release have ended.

    Each is a transaction. options are those of Alembic's context. Exits with one line where the
    database is away or refuses, or a lock is not free in time."""
    engine = create_engine(url, connect_args={**NETWORK, "options": "-c lock_timeout=5s"})
    alone = engine.execution_options(isolation_level="AUTOCOMMIT")
    try:
        with alone.connect() as other, turn(other), engine.connect() as connection:
            context.configure(connection=connection, transaction_per_migration=True, **options)
            with context.begin_transaction():
                context.run_migrations()
    except DBAPIError as error:
        if not isinstance(error.orig, OperationalError | InsufficientPrivilege):
            raise
        sys.exit(f"encore: {error.orig}".replace("\n", "; "))


@contextmanager
def beside_the_shop():
    """Each statement is a transaction of its own, which holds no other lock while it waits for its
    own. It waits briefly, and tries again until it gets the lock.

    When a release is run again after an interruption, so are all of these statements."""
    with op.get_context().autocommit_block(), _lock_timeout(BRIEFLY):
        engine = op.get_bind().engine
        event.listen(engine, "do_execute", _execute)
        try:
            yield
        finally:
            event.remove(engine, "do_execute", _execute)


def build_index(name, table, columns, **options):
    """Build an index while others write to the table; one that an interrupted release has left
    invalid is replaced."""
    # it waits for transactions that have begun, and no request waits behind it
    with op.get_context().autocommit_block(), _lock_timeout(f"{WITHIN:g}s"):
        op.drop_index(name, table, if_exists=True, postgresql_concurrently=True)
        op.create_index(name, table, columns, postgresql_concurrently=True, **options)


@contextmanager
def _lock_timeout(duration):
    op.execute(f"set lock_timeout = '{duration}'")
    yield
    op.execute("reset lock_timeout")


def _execute(cursor, statement, parameters, context):
    """Execute a statement, again and again until it gets its lock."""
    deadline = time.monotonic() + WITHIN
    while True:
        try:
            cursor.execute(statement, parameters)
            return True
        except LockNotAvailable:
            if time.monotonic() > deadline:
                raise
            print(f"waits for a lock: {statement.strip()}", flush=True)
            time.sleep(PAUSE)
