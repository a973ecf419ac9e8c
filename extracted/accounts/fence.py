"""The fence: while it is closed, a database refuses every write to the tables of accounts.

It is a trigger, so it holds for the tables' owner, too, and it is made after the transactions that
have written already have ended. What logical replication writes passes it."""

import time

from psycopg.errors import LockNotAvailable

from kit.refusals import Unavailable

TABLES = ("accounts", "ended_sessions")
LOCK_TIMEOUT = "200ms"  # requests wait behind a statement that waits for a table
PAUSE = 0.05  # seconds, in which they go on
CLOSED_WITHIN = 60.0  # seconds
WAIT_SECONDS = 8.0  # of a request, as the facade lets one wait
# With this code, all processes answer 503: the database cannot be used now.
FUNCTION = """
create or replace function refuse_write() returns trigger language plpgsql as $$
begin
    raise exception 'the fence of accounts is closed' using errcode = 'cannot_connect_now';
end $$"""
TRIGGER = """
create or replace trigger fence before insert or update or delete on {table}
for each statement execute function refuse_write()"""
IS_CLOSED = """
select exists (
    select from pg_trigger where tgname = 'fence' and tgrelid in ({tables}))
""".format(tables=", ".join(f"'{table}'::regclass" for table in TABLES))


def close(connection):
    """Refuse all writes from now on; nobody is in the middle of one."""
    connection.execute(FUNCTION)
    for table in TABLES:
        execute_with_lock(connection, TRIGGER.format(table=table))


def open_(connection):
    """Let everybody write."""
    for table in TABLES:
        execute_with_lock(connection, f"drop trigger if exists fence on {table}")
    connection.execute("drop function if exists refuse_write()")


def is_closed(connection):
    """Whether the fence is there, on any of the tables."""
    return connection.execute(IS_CLOSED).fetchone()[0]


def execute_with_lock(connection, statement, *, within=CLOSED_WITHIN):
    """Execute a statement that locks a table: it waits briefly, and is tried again."""
    connection.execute(f"set lock_timeout = '{LOCK_TIMEOUT}'")
    deadline = time.monotonic() + within
    while True:
        try:
            connection.execute(statement)
            break
        except LockNotAvailable:
            if time.monotonic() > deadline:
                raise
            time.sleep(PAUSE)
    connection.execute("reset lock_timeout")


def wait_until_open(process, *, within=WAIT_SECONDS):
    """Wait while the fence of the process's own database is closed; Unavailable after `within`
    seconds."""
    deadline = time.monotonic() + within
    while _is_closed(process.database):
        if time.monotonic() > deadline:
            raise Unavailable("The service that knows accounts")
        time.sleep(PAUSE)


def _is_closed(database):
    with database.reading() as session:
        return session.connection().exec_driver_sql(IS_CLOSED).scalar()
