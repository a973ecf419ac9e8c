"""What lives as long as the process: connections and keys. All other state is in the database."""

from dataclasses import dataclass, fields
from datetime import UTC, datetime

from sqlalchemy import make_url

from kit.database import Database
from kit.tokens import Verifier
from monolith import sessions


@dataclass(frozen=True)
class Databases:
    """The database as each module may use it; `monolith` has all rights, for what spans modules."""

    monolith: Database
    catalog: Database
    sessions: Database

    def dispose(self):
        for field in fields(self):
            getattr(self, field.name).dispose()


class Process:
    """One process of Encore, of which there may be as many as are needed."""

    def __init__(self, settings, clock=lambda: datetime.now(UTC)):
        self.settings = settings
        self.clock = clock
        self.db = _databases(settings)
        self.verifier = Verifier(settings.session_public_keys, is_open=self._is_open)
        self.draining = False

    def check(self):
        """Ask the database for an answer; an error of SQLAlchemy where there is none."""
        self.db.monolith.check()

    def _is_open(self, token):
        with self.db.sessions.reading() as session:
            return sessions.is_open(session, token)


def _databases(settings):
    """Each module works in a role of its own; the URL's user owns all tables and roles."""
    url = settings.database_url
    owner = make_url(url).username
    roles = {field.name: f"{owner}_{field.name}" for field in fields(Databases)}
    roles["monolith"] = None
    return Databases(
        **{
            name: Database(url, role=role, connections=settings.threads)
            for name, role in roles.items()
        }
    )
