"""Migrations of a database, which run beside the shop."""

import sys

from alembic import context
from sqlalchemy import create_engine, text
from sqlalchemy.exc import OperationalError

from kit.database import NETWORK
from kit.turn import turn


def run(url, **options):
    """Run the migrations that Alembic was called for, after those of another release have ended.

    Each is a transaction. options are those of Alembic's context. Exits with one line where the
    database is away."""
    engine = create_engine(url, connect_args=NETWORK)
    alone = engine.execution_options(isolation_level="AUTOCOMMIT")
    try:
        with alone.connect() as other, turn(other), engine.connect() as connection:
            connection.execute(text("set lock_timeout = '5s'"))
            connection.commit()
            context.configure(connection=connection, transaction_per_migration=True, **options)
            with context.begin_transaction():
                context.run_migrations()
    except OperationalError as error:
        sys.exit(f"encore: {error.orig}")
