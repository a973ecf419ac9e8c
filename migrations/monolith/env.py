"""The monolith's database: `alembic -c migrations/monolith/alembic.ini upgrade head`, with
DATABASE_URL set."""

import os
import sys

from alembic import context
from sqlalchemy import create_engine, text

from kit import dead_letters, inbox, outbox
from kit.database import Base
from kit.settings import url
from monolith.accounts import model as accounts  # noqa: F401 - the imports fill the metadata
from monolith.bookings import model as bookings  # noqa: F401
from monolith.catalog import model as catalog  # noqa: F401
from monolith.notifications import model as notifications  # noqa: F401
from monolith.payments import model as payments  # noqa: F401
from monolith.recommendations import model as recommendations  # noqa: F401

try:
    database = url("postgresql")(os.environ.get("DATABASE_URL", ""))
except ValueError as problem:
    print(f"alembic: DATABASE_URL {problem}", file=sys.stderr)
    sys.exit(2)

with create_engine(database).connect() as connection:
    connection.execute(text("set lock_timeout = '5s'"))
    connection.commit()
    context.configure(
        connection=connection,
        target_metadata=[Base.metadata, outbox.metadata, inbox.metadata, dead_letters.metadata],
        transaction_per_migration=True,
    )
    with context.begin_transaction():
        context.run_migrations()
