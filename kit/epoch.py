"""The epoch: which of two databases accepts writes to the tables that both have.

Each database has a table `epoch` with one row: a number, which grows with each change of sides, and
whether this side is open. A trigger on each of the tables takes a lock of the database, shared,
until its transaction ends; then it reads the row. So a session that has the lock alone knows that
no transaction that has written is under way. A lock of the row itself would let new writers in
while a session that wants to change it waits.

Nothing here imports SQLAlchemy: requests wait for the commands that use it, which start quickly."""

import time

from psycopg.errors import LockNotAvailable

from kit.refusals import Unavailable

LOCK = "13, 1"  # the numbers of the lock, as the triggers have them
LOCK_TIMEOUT = "200ms"  # all writers wait behind one who waits for the lock alone
PAUSE = 0.05  # seconds, in which they go on
PATIENCE = 2.0  # seconds that a transaction has to end by itself
CHANGED_WITHIN = 30.0
WAIT_SECONDS = 5.0  # of a request; the facade lets one wait for 8 s
READ = "select number, is_open from epoch"
CLOSE = "update epoch set number = number + 1, is_open = false where is_open"
OPEN = "update epoch set number = greatest(number, %s) + 1, is_open = true where not is_open"
IS_OPEN = "select is_open from epoch"
SHARE = f"select pg_advisory_xact_lock_shared({LOCK})"
# An end is asked for of those only that had begun before the lock was first tried.
END_HOLDERS = """
select pg_terminate_backend(pid) from pg_locks join pg_stat_activity using (pid)
where locktype = 'advisory' and (classid, objid, objsubid) = (13, 1, 2) and granted
and database = (select oid from pg_database where datname = current_database())
and xact_start < %s"""


def read(connection):
    """(number, whether this side is open)"""
    return connection.execute(READ).fetchone()


def close(connection, *, patience=PATIENCE, within=CHANGED_WITHIN):
    """Refuse writes from now on; the number of the epoch.

    Transactions that have written end before that. A process may have been stopped in the middle of
    one: after patience, in seconds, its session is ended, and PostgreSQL rolls its writes back."""
    return _change(connection, CLOSE, [], patience, within)


def open_(connection, *, after):
    """Accept writes from now on, with a number higher than after, which is the other side's; the
    number."""
    return _change(connection, OPEN, [after], PATIENCE, CHANGED_WITHIN)


def _change(connection, statement, values, patience, within):
    """Execute a statement while nobody else has the lock; the number of the epoch."""
    (began,) = connection.execute("select clock_timestamp()").fetchone()
    started = time.monotonic()
    while not _changed(connection, statement, values):
        waited = time.monotonic() - started
        if waited > within:
            raise LockNotAvailable(f"the lock of the epoch is not free within {within:g} s")
        if waited > patience:
            connection.execute(END_HOLDERS, [began])
        time.sleep(PAUSE)
    return read(connection)[0]


def _changed(connection, statement, values):
    """Execute a statement with the lock alone; False if the lock is not free in time."""
    try:
        with connection.transaction():
            connection.execute(f"set local lock_timeout = '{LOCK_TIMEOUT}'")
            connection.execute(f"select pg_advisory_xact_lock({LOCK})")
            connection.execute(statement, values)
    except LockNotAvailable:
        return False
    return True


def is_open(session):
    """Whether this side accepts writes now."""
    return session.connection().exec_driver_sql(IS_OPEN).scalar()


def require_open(session):
    """Keep this side open until the transaction ends; Unavailable if it is closed.

    For what decides by rows that may be behind those of the other side, and might write nothing."""
    session.connection().exec_driver_sql(SHARE)
    if not is_open(session):  # a statement of its own, which sees what was committed before
        raise Unavailable("The database")


def wait_until_open(database, *, within=WAIT_SECONDS):
    """Wait while this side is closed; Unavailable after `within` seconds."""
    deadline = time.monotonic() + within
    while not _is_open(database):
        if time.monotonic() > deadline:
            raise Unavailable("The database")
        time.sleep(PAUSE)


def _is_open(database):
    with database.reading() as session:
        return is_open(session)
