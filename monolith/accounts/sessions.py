"""Who is signed in, by the signed token (RFC 7519) in their cookie: whoever has the public key can tell, and keeps nothing."""

import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import jwt
from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert

from extracted.kit.outbox import record
from monolith.accounts import facts
from monolith.accounts.model import EndedSession

SESSION_FOR = timedelta(hours=12)
ALGORITHM, ISSUER = "EdDSA", "encore"
REQUIRED = ["sub", "sid", "role", "exp", "iss", "aud"]


@dataclass(frozen=True)
class Session:
    account_id: str
    role: str
    sid: str
    expires_at: datetime


class Tokens:
    """Signs with one key, and reads what any of the public keys belongs to."""

    def __init__(self, signing, public_keys):
        self._name, self._key = signing
        self._public_keys = public_keys

    def issue(self, account, now):
        claims = {"sub": account.id, "sid": uuid.uuid4().hex, "role": account.role, "exp": now + SESSION_FOR, "iss": ISSUER, "aud": ISSUER}
        return jwt.encode(claims, self._key, ALGORITHM, {"kid": self._name})

    def read(self, token, now):
        """The session of a token that is ours and has not expired, or None."""
        try:
            key = self._public_keys[jwt.get_unverified_header(token)["kid"]]
            claims = jwt.decode(token, key, [ALGORITHM], issuer=ISSUER, audience=ISSUER, options={"require": REQUIRED, "verify_exp": False})
        except (jwt.InvalidTokenError, KeyError, ValueError):
            return None
        session = Session(claims["sub"], claims["role"], claims["sid"], datetime.fromtimestamp(claims["exp"], UTC))
        return session if now < session.expires_at else None


def has_ended(session, sid):
    """Whether somebody has signed out of the session with this id."""
    return session.scalar(select(EndedSession.sid).where(EndedSession.sid == sid)) is not None


def end(session, ended):
    """Refuse a session from now on."""
    once = insert(EndedSession).values(sid=ended.sid, expires_at=ended.expires_at).on_conflict_do_nothing().returning(EndedSession)
    if noted := session.scalar(once):
        record(session, facts.ended(noted))


def forget(session, now):
    """Drop those whose token has expired by itself."""
    session.execute(delete(EndedSession).where(EndedSession.expires_at <= now))
