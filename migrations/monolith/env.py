"""The monolith's database: `alembic -c migrations/monolith/alembic.ini upgrade head`, with
DATABASE_URL set."""

import os

from kit import dead_letters, inbox, migration, outbox
from kit.database import Base
from kit.settings import DATABASE, or_exit, parse
from monolith import sessions
from monolith.bookings import model as bookings  # noqa: F401 - the imports fill the metadata
from monolith.catalog import model as catalog  # noqa: F401

# Tables that the models no longer have; step 14 drops them.
LEFT_FOR_THE_STEP_BEFORE = {
    "accounts",
    "customers",
    "ended_sessions",
    "mails",
    "payments",
    "tastes",
}


def is_compared(thing, name, kind, reflected, compared_to):
    """Whether `alembic check` compares a thing of the database with the models."""
    return not (reflected and compared_to is None and name in LEFT_FOR_THE_STEP_BEFORE)


settings = or_exit(parse, DATABASE, os.environ)
migration.run(
    settings.database_url,
    target_metadata=[
        Base.metadata,
        outbox.metadata,
        inbox.metadata,
        dead_letters.metadata,
        sessions.ended_copies.metadata,
    ],
    include_object=is_compared,
)
