"""The monolith's database: `alembic -c migrations/monolith/alembic.ini upgrade head`, with DATABASE_URL set."""

import os
import sys

from alembic import context
from sqlalchemy import create_engine, text

from extracted.kit import inbox, outbox
from extracted.kit.settings import url
from monolith.accounts import model as accounts  # noqa: F401 - the imports fill the metadata
from monolith.bookings import model as bookings  # noqa: F401
from monolith.catalog import model as catalog  # noqa: F401
from monolith.db import Base
from monolith.payments import model as payments  # noqa: F401
from monolith.recommendations import model as recommendations  # noqa: F401

LEFT_FOR_THE_STEP_BEFORE = {"mails"}


def is_looked_at(thing, name, kind, reflected, compared_to):
    """Whether `alembic check` cares: not about what the models no longer know, and a later step drops."""
    return not (reflected and compared_to is None and name in LEFT_FOR_THE_STEP_BEFORE)


try:
    database = url("postgresql")(os.environ.get("DATABASE_URL", ""))
except ValueError as problem:
    print(f"alembic: DATABASE_URL {problem}", file=sys.stderr)
    sys.exit(2)

with create_engine(database).connect() as connection:
    connection.execute(text("set lock_timeout = '5s'"))
    connection.commit()
    tables = [Base.metadata, outbox.metadata, inbox.metadata]
    context.configure(connection=connection, target_metadata=tables, transaction_per_migration=True, include_object=is_looked_at)
    with context.begin_transaction():
        context.run_migrations()
