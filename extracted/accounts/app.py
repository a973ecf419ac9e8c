"""Accounts as a WSGI application: the only place that knows all of it."""

import os
from datetime import UTC, datetime

from extracted.accounts import commands, config, fence, routes, seed, service
from extracted.accounts.sessions import Signer
from kit import web
from kit.database import Database
from kit.tokens import Verifier

COMMANDS = (seed.command, commands.forget, commands.grant_organiser)


class Process:
    """What lives as long as a process that serves. No other process has the private key."""

    def __init__(self, settings, clock=lambda: datetime.now(UTC)):
        self.settings = settings
        self.clock = clock
        self.database = Database(settings.database_url, connections=settings.threads)
        self.signer = Signer(settings.session_key)
        self.verifier = Verifier(settings.session_public_keys, is_open=self._is_open)
        self.draining = False

    def check(self):
        """Ask the database for an answer; an error of SQLAlchemy where there is none."""
        self.database.check()

    def _is_open(self, token):
        fence.wait_until_open(self)
        with self.database.reading() as session:
            return service.is_open(session, token)


def create_app(settings=None):
    """The application, made with these settings, or with those in the environment."""
    app = web.create_app(Process(settings or config.from_environment(os.environ)), routes.bp)
    for command in COMMANDS:
        app.cli.add_command(command)
    return app
