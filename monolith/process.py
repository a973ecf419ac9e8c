"""What lives as long as the process: connections and keys. All other state is in the database."""

from dataclasses import dataclass, fields
from datetime import UTC, datetime

from kit.database import Database
from kit.tokens import Verifier
from monolith.accounts import service as accounts
from monolith.accounts.sessions import Signer
from monolith.notifications.mailer import Mailer
from monolith.payments.provider import Provider


@dataclass(frozen=True)
class Databases:
    """The database that each module works on; `monolith` is for work that spans several."""

    monolith: Database
    accounts: Database
    catalog: Database
    bookings: Database
    payments: Database
    recommendations: Database

    def dispose(self):
        for field in fields(self):
            getattr(self, field.name).dispose()


class Process:
    """One process of Encore, of which there may be as many as are needed."""

    def __init__(self, settings, clock=lambda: datetime.now(UTC)):
        self.settings = settings
        self.clock = clock
        self.db = _databases(settings)
        self.mailer = Mailer(settings.smtp_url, sender=settings.mail_from)
        self.provider = Provider(
            settings.stripe_api_base,
            settings.stripe_api_key,
            timeout=settings.stripe_timeout_seconds,
        )
        self.signer = Signer(settings.session_key)
        self.verifier = Verifier(settings.session_public_keys, is_open=self._is_open)
        self.draining = False

    def _is_open(self, token):
        with self.db.accounts.reading() as session:
            return accounts.is_open(session, token)


def _databases(settings):
    """All modules share one database, and the same rights on it."""
    shared = Database(settings.database_url, connections=settings.threads)
    return Databases(**{field.name: shared for field in fields(Databases)})
