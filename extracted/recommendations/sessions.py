"""The sessions that have ended, from the topic of accounts: their tokens are refused here, too.

They have a consumer group of their own: while the copy is built again, nobody who has signed out
comes in."""

from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert

from extracted.recommendations.model import EndedSession


def is_open(session, token):
    """Whether nobody has signed out of the session that a token proves."""
    ended = select(EndedSession.sid).where(EndedSession.sid == token.sid)
    return session.scalar(ended) is None


def end(session, process, message):
    """Refuse a session from now on, and forget those whose tokens have expired."""
    expires_at = datetime.fromisoformat(message.data["exp"])
    row = insert(EndedSession).values(sid=message.data["sid"], expires_at=expires_at)
    session.execute(row.on_conflict_do_nothing())
    session.execute(delete(EndedSession).where(EndedSession.expires_at <= process.clock()))


TOPICS = ("accounts",)
SNAPSHOTS = True
HANDLERS = {"session.ended": end}
