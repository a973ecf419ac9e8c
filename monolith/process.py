"""What lives as long as the process: its connections and its keys. What must outlive it is in the database."""

from datetime import UTC, datetime

from flask import current_app

from monolith.accounts.sessions import Tokens
from monolith.db import Database
from monolith.payments.provider import Provider


class Process:
    """One process of Encore, of which there may be as many as are needed."""

    def __init__(self, settings, clock=lambda: datetime.now(UTC)):
        self.settings = settings
        self.clock = clock
        self.db = Database(settings.database_url, connections=settings.threads)
        self.provider = Provider(settings.stripe_api_base, settings.stripe_api_key, timeout=settings.stripe_timeout_seconds)
        self.tokens = Tokens(settings.session_key, settings.session_public_keys)
        self.draining = False


def this_process():
    return current_app.extensions["encore"]
