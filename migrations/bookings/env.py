"""The database of bookings, with DATABASE_URL set:
`alembic -c migrations/bookings/alembic.ini upgrade head`."""

import os

from extracted.bookings.model import Base
from kit import dead_letters, inbox, migration, outbox, sessions
from kit.settings import DATABASE, or_exit, parse

settings = or_exit(parse, DATABASE, os.environ)
migration.run(
    settings.database_url,
    target_metadata=[
        Base.metadata,
        outbox.metadata,
        inbox.metadata,
        dead_letters.metadata,
        sessions.metadata,
    ],
)
