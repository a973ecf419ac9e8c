"""Bookings as a WSGI application: the only place that knows all of it."""

import os
from datetime import UTC, datetime

from extracted.bookings import commands, config, routes, seed
from extracted.bookings.arrival import Arrivals
from kit import sessions, web
from kit.database import Database
from kit.tokens import Verifier

COMMANDS = (seed.command, commands.forget)


class Process:
    """What lives as long as a process that serves. It does not know Kafka."""

    def __init__(self, settings, clock=lambda: datetime.now(UTC)):
        self.settings = settings
        self.clock = clock
        self.database = Database(settings.database_url, connections=settings.threads)
        self.arrivals = Arrivals(at_once=settings.threads // 4)
        self.verifier = Verifier(settings.session_public_keys, is_open=self._is_open)
        self.draining = False

    def check(self):
        """Ask the database for an answer; an error of SQLAlchemy where there is none."""
        self.database.check()

    def _is_open(self, token):
        with self.database.reading() as session:
            return sessions.is_open(session, token)


def create_app(settings=None):
    """The application, made with these settings, or with those in the environment."""
    app = web.create_app(Process(settings or config.for_web(os.environ)), routes.bp)
    for command in COMMANDS:
        app.cli.add_command(command)
    return app
