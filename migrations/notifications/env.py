"""The database of notifications: `alembic -c migrations/notifications/alembic.ini upgrade head`,
with DATABASE_URL set."""

import os

import extracted.notifications.model  # noqa: F401 - it fills the metadata
from kit import dead_letters, inbox, migration
from kit.database import Base
from kit.settings import DATABASE, or_exit, parse

settings = or_exit(parse, DATABASE, os.environ)
migration.run(
    settings.database_url,
    target_metadata=[Base.metadata, inbox.metadata, dead_letters.metadata],
)
