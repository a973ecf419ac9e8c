"""The database of accounts, with DATABASE_URL set:
`alembic -c migrations/accounts/alembic.ini upgrade head`."""

import os

from extracted.accounts.model import Base
from kit import migration, outbox
from kit.settings import DATABASE, or_exit, parse

settings = or_exit(parse, DATABASE, os.environ)
migration.run(settings.database_url, target_metadata=[Base.metadata, outbox.metadata])
