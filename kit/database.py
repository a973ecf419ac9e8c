"""Connections to a database, sessions that read and sessions that write."""

import logging
import time
from contextlib import contextmanager
from functools import partial

from sqlalchemy import DateTime, create_engine, event, text
from sqlalchemy.exc import DBAPIError, InvalidatePoolError
from sqlalchemy.orm import DeclarativeBase, MappedAsDataclass, Session

from kit.network import NETWORK, SERVER_NETWORK
from kit.refusals import OutcomeUnknown

log = logging.getLogger(__name__)
MOMENT = DateTime(timezone=True)
IDLE_SECONDS = 1.0  # without use, after which a connection is tested before the next use
# Milliseconds. Nobody waits for ever: not for a process that has stopped while it holds a lock, and
# not for a database that has gone silent.
BOUNDS = {
    "lock_timeout": 20_000,
    "statement_timeout": 25_000,
    "idle_in_transaction_session_timeout": 60_000,
}
KEPT_OPEN = 5  # connections a pool; more are opened while they are needed


class Base(MappedAsDataclass, DeclarativeBase):
    """The base of all tables. Every table belongs to one module, and only its role may use it."""


class Database:
    """The database at url, with at most `connections` connections to read and as many to write.

    role is the role of PostgreSQL that its sessions work in; without one, that of the URL's user.
    Reads have a pool of their own: its connections are in autocommit mode, so a read needs no
    BEGIN, COMMIT or ROLLBACK, and each query sees the newest state."""

    def __init__(self, url, *, role=None, connections):
        self._writes = _engine(url, role, connections)
        self._reads = _engine(
            url,
            role,
            connections,
            isolation_level="AUTOCOMMIT",
            pool_reset_on_return=None,
        )

    def reading(self):
        """A session for queries only."""
        return Session(self._reads)

    @contextmanager
    def transaction(self):
        """A session whose changes take effect together at the end, or not at all.

        OutcomeUnknown where nobody can know which."""
        with Session(self._writes) as session:
            try:
                with session.begin():
                    yield session
                    session.flush()
                    session.info["is_committing"] = True
            except BaseException as error:
                if _may_have_been_done(session, error):
                    log.exception("outcome unknown")
                    raise OutcomeUnknown("The shop") from error
                raise

    def check(self):
        """Ask the database for an answer; an error of SQLAlchemy where there is none."""
        with self.reading() as session:
            session.execute(text("select 1"))

    def dispose(self):
        self._writes.dispose()
        self._reads.dispose()


def _engine(url, role, connections, **options):
    engine = create_engine(
        url,
        pool_size=min(connections, KEPT_OPEN),
        max_overflow=max(connections - KEPT_OPEN, 0) + 2,
        pool_timeout=5,
        connect_args={**NETWORK, "options": _session_options(role)},
        **options,
    )
    event.listen(engine, "checkin", _note_last_use)
    event.listen(engine, "checkout", partial(_test_if_idle, engine.dialect))
    return engine


def _session_options(role):
    settings = {"timezone": "UTC", **BOUNDS, **SERVER_NETWORK, **({"role": role} if role else {})}
    return " ".join(f"-c {name}={value}" for name, value in settings.items())


def _note_last_use(connection, record):
    record.info["last_use"] = time.monotonic()


def _test_if_idle(dialect, connection, record, fairy):
    """Replace connections that died while idle. A test at each use would cost a fifth of a read."""
    if time.monotonic() - record.info.get("last_use", time.monotonic()) > IDLE_SECONDS:
        try:
            dialect.do_ping(connection)
        except dialect.loaded_dbapi.Error as error:
            raise InvalidatePoolError from error


def _may_have_been_done(session, error):
    """Whether an error leaves something done: the answer to the commit is lost."""
    is_lost = isinstance(error, DBAPIError) and error.connection_invalidated
    return is_lost and session.info.get("is_committing", False)
