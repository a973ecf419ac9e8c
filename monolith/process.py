"""What lives as long as the process: its connections, and the state that it keeps in memory."""

import threading
from datetime import UTC, datetime

from flask import current_app

from monolith.accounts.sessions import Sessions
from monolith.bookings.holds import Holds
from monolith.catalog.seats_left import SeatsLeft
from monolith.db import Database
from monolith.notifications.mailer import Mailer
from monolith.payments.provider import Provider
from monolith.recommendations.together import Together


class Process:
    """One process of Encore; there may be no second one beside it, for each would have a memory of its own."""

    def __init__(self, settings, clock=lambda: datetime.now(UTC)):
        self.settings = settings
        self.clock = clock
        self.db = Database(settings.database_url, connections=settings.threads)
        self.mailer = Mailer(settings.smtp_url, sender=settings.mail_from)
        self.provider = Provider(settings.stripe_api_base, settings.stripe_api_key, timeout=settings.stripe_timeout_seconds)
        self.sessions = Sessions()
        self.holds = Holds()
        self.seats_left = SeatsLeft()
        self.together = Together()
        self.draining = False
        self._loading = threading.Lock()
        self._loaded = False

    def load(self):
        """Fill the caches from the database, the first time that it can be reached."""
        if self._loaded:
            return
        with self._loading, self.db.reading() as session:
            if not self._loaded:
                self.seats_left.load(session)
                self.together.load(session)
                self._loaded = True

    def sweep(self):
        """Forget what has run out."""
        self.holds.sweep(self.clock())
        self.sessions.sweep(self.clock())

    def start_sweeper(self, every=1.0):
        """Sweep in a thread of its own, every so many seconds, until the returned event is set."""
        stop = threading.Event()

        def run():
            while not stop.wait(every):
                self.sweep()

        threading.Thread(target=run, name="sweeper", daemon=True).start()
        return stop


def this_process():
    return current_app.extensions["encore"]
