"""The monolith's database: `alembic -c migrations/monolith/alembic.ini upgrade head`, with
DATABASE_URL set."""

import os

from kit import dead_letters, inbox, migration, outbox
from kit.database import Base
from kit.settings import DATABASE, or_exit, parse
from monolith import sessions
from monolith.catalog import model as catalog  # noqa: F401 - the import fills the metadata

# Tables that the models do not have any more, and the epoch of some; step 14 drops them.
LEFT_FOR_THE_STEP_BEFORE = {
    "accounts",
    "booking_seats",
    "bookings",
    "claims",
    "customers",
    "ended_sessions",
    "epoch",
    "holds",
    "idempotency_keys",
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
