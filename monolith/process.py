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
        self.memory = Memory()
        self.db = _databases(settings, on_unknown=self.memory.load_again)
        self.mailer = Mailer(settings.smtp_url, sender=settings.mail_from)
        self.provider = Provider(
            settings.stripe_api_base,
            settings.stripe_api_key,
            timeout=settings.stripe_timeout_seconds,
        )
        self.draining = False


def _databases(settings, on_unknown):
    """All modules share one database, and the same rights on it."""
    shared = Database(
        settings.database_url,
        connections=settings.threads,
        on_unknown=on_unknown,
    )
    return Databases(**{field.name: shared for field in fields(Databases)})
