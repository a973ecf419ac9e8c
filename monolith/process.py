"""What lives as long as the process: connections, clients, and the state in its memory."""

from dataclasses import dataclass, fields
from datetime import UTC, datetime

from kit.database import Database
from monolith.memory import Memory
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
    """One process of Encore. There may be no second one: each would have a memory of its own."""

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
        self.memory = Memory()
        self.draining = False


def _databases(settings):
    """All modules share one database, and the same rights on it."""
    shared = Database(settings.database_url, connections=settings.threads)
    return Databases(**{field.name: shared for field in fields(Databases)})
