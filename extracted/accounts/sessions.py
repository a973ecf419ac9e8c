"""Sessions: signed tokens are issued here, and sessions that somebody has ended are kept here."""

import uuid
from datetime import timedelta

import jwt
from sqlalchemy import bindparam, delete, exists, select
from sqlalchemy.dialects.postgresql import insert

from extracted.accounts import messages
from extracted.accounts.model import Account, EndedSession
from kit.outbox import record
from kit.tokens import ALGORITHM, ISSUER

SESSION_FOR = timedelta(hours=12)
# It never changes, so it is made once; over the tables, since nothing but a row is needed.
ACCOUNTS, ENDED = Account.__table__, EndedSession.__table__
_OPEN = select(ACCOUNTS.c.id).where(
    ACCOUNTS.c.id == bindparam("account_id"),
    ~exists().where(ENDED.c.sid == bindparam("sid")),
)


class Signer:
    """Signs tokens with one key, given as (id, private key)."""

    def __init__(self, signing_key):
        self._key_id, self._key = signing_key

    def issue(self, account, now):
        """A token for a new session of the account."""
        claims = {
            "sub": account.id,
            "sid": uuid.uuid4().hex,
            "role": account.role,
            "exp": now + SESSION_FOR,
            "iss": ISSUER,
            "aud": ISSUER,
        }
        return jwt.encode(claims, self._key, ALGORITHM, {"kid": self._key_id})


def is_open(session, token):
    """Whether the account of a session exists, and nobody has signed out of the session."""
    found = session.scalar(_OPEN, {"account_id": token.account_id, "sid": token.sid})
    return found is not None


def end(session, sid, expires_at):
    """Refuse a session from now on."""
    row = insert(EndedSession).values(sid=sid, expires_at=expires_at, version=1)
    once = row.on_conflict_do_nothing().returning(EndedSession)
    if ended := session.scalar(once):
        record(session, messages.session_ended(ended))


def forget(session, now):
    """Drop the ended sessions whose tokens have expired."""
    session.execute(delete(EndedSession).where(EndedSession.expires_at <= now))
