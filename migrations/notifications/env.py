"""The database of notifications: `alembic -c migrations/notifications/alembic.ini upgrade head`,
with DATABASE_URL set."""

import os

from alembic import context
from sqlalchemy import create_engine, text

import extracted.notifications.model  # noqa: F401 - it fills the metadata
from kit import dead_letters, inbox
from kit.database import Base
from kit.settings import DATABASE, or_exit, parse

database = or_exit(parse, DATABASE, os.environ).database_url

with create_engine(database).connect() as connection:
    connection.execute(text("set lock_timeout = '5s'"))
    connection.commit()
    context.configure(
        connection=connection,
        target_metadata=[Base.metadata, inbox.metadata, dead_letters.metadata],
        transaction_per_migration=True,
    )
    with context.begin_transaction():
        context.run_migrations()
