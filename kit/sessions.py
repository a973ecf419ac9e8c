"""The sessions that have ended, as a service keeps them from the topic of accounts: their tokens
are refused there, too.

A consumer group takes HANDLERS among its own, or this module as it is. A group of its own has the
advantage that nobody who has signed out comes in while a copy is built again."""

from datetime import datetime

from sqlalchemy import Column, DateTime, MetaData, String, Table, delete, select
from sqlalchemy.dialects.postgresql import insert


def table(name):
    """A table for the sessions that have ended, in a metadata of its own."""
    return Table(
        name,
        MetaData(),
        Column("sid", String, primary_key=True),
        Column("expires_at", DateTime(timezone=True), nullable=False, index=True),
    )


ended_sessions = table("ended_sessions")
metadata = ended_sessions.metadata


def is_open(session, token, table=ended_sessions):
    """Whether nobody has signed out of the session that a token proves."""
    ended = select(table.c.sid).where(table.c.sid == token.sid)
    return session.scalar(ended) is None


def end(session, process, message, table=ended_sessions):
    """Refuse a session from now on, and forget those whose tokens have expired."""
    expires_at = datetime.fromisoformat(message.data["exp"])
    row = insert(table).values(sid=message.data["sid"], expires_at=expires_at)
    session.execute(row.on_conflict_do_nothing())
    session.execute(delete(table).where(table.c.expires_at <= process.clock()))


TOPICS = ("accounts",)
SNAPSHOTS = True
HANDLERS = {"session.ended": end}
