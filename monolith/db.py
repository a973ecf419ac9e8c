"""The database: connections, transactions, and what is undone with them."""

from contextlib import contextmanager

from sqlalchemy import DateTime, create_engine, text
from sqlalchemy.orm import DeclarativeBase, MappedAsDataclass, Session

MOMENT = DateTime(timezone=True)


class Base(MappedAsDataclass, DeclarativeBase):
    """The tables; each belongs to one part, whose role alone has rights on it."""


class Database:
    """Connections to the database at url, as many as there are threads to use them, for reading and for writing each.

    A pool of its own saves each read four round trips: nothing to begin, to end, or to set back."""

    def __init__(self, url, *, connections):
        options = {"pool_size": connections, "max_overflow": 2, "pool_timeout": 5, "pool_pre_ping": True}
        options |= {"connect_args": {"connect_timeout": 3, "options": "-c timezone=UTC"}}
        self._writes = create_engine(url, **options)
        self._reads = create_engine(url, **options, isolation_level="AUTOCOMMIT", pool_reset_on_return=None)

    @contextmanager
    def reading(self, part=None):
        """A session for queries only, with the rights of a part; each query sees the newest state."""
        with Session(self._reads) as session:
            connection = session.connection()
            if connection.info.get("role") != part:  # it stays what it is until it is asked for again
                session.execute(text(f"set role {_role(part)}"))
                connection.info["role"] = part
            yield session

    @contextmanager
    def transaction(self, part=None):
        """A session whose work takes effect as a whole at the end, or not at all; with the rights of a part, or with all where it spans several."""
        with Session(self._writes) as session:
            try:
                with session.begin():
                    if part:
                        session.execute(text(f"set local role {_role(part)}"))
                    yield session
            except BaseException:
                for then in session.info.get("rollback", []):
                    then()
                raise

    def dispose(self):
        self._writes.dispose()
        self._reads.dispose()


def _role(part):
    return f"encore_{part}" if part else "none"


def on_rollback(session, then):
    """Call then() if the transaction does not take effect, the latest first."""
    session.info.setdefault("rollback", []).insert(0, then)
