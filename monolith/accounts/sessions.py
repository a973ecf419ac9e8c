from dataclasses import dataclass
from datetime import datetime, timedelta

SESSION_FOR = timedelta(hours=12)


@dataclass(frozen=True)
class Session:
    account_id: str
    role: str
    expires_at: datetime


class Sessions:
    """Who is signed in, by the token in their cookie.

    It is kept in this process's memory: a restart signs everybody out."""

    def __init__(self):
        self._by_token = {}

    def open(self, token, account, now):
        self._by_token[token] = Session(account.id, account.role, now + SESSION_FOR)

    def find(self, token, now):
        """The session of a token, or None."""
        session = self._by_token.get(token)
        return session if session and now < session.expires_at else None

    def close(self, token):
        self._by_token.pop(token, None)

    def sweep(self, now):
        for token, session in list(self._by_token.items()):
            if session.expires_at <= now:
                self.close(token)
