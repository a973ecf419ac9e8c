"""Publishes the accounts and the ended sessions from before the outbox."""

from sqlalchemy import select

from kit.outbox import record
from monolith.accounts import messages
from monolith.accounts.model import Account, EndedSession

MESSAGES = {Account: messages.registered, EndedSession: messages.session_ended}


def publish(session, batch):
    """Publish up to a batch of rows that are not published yet; answer how many."""
    for model, message in MESSAGES.items():
        not_published = select(model).where(model.version == 0)
        rows = session.scalars(not_published.limit(batch).with_for_update()).all()
        for row in rows:
            row.version = 1
        if rows:
            record(session, *(message(row) for row in rows), snapshot=True)
            session.flush()
            return len(rows)
    return 0
