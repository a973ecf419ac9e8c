"""The database of payments, with DATABASE_URL set:
`alembic -c migrations/payments/alembic.ini upgrade head`."""

import os

from extracted.payments import ledger
from extracted.payments.model import Base
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
        ledger.metadata,
    ],
)
