"""Compares the rows of accounts in the monolith's database with those in the service's, while
nobody writes them: python -m extracted.accounts.verify

It shares no code with what has moved them. Counts, keys, the hash of each row, and never a value:
one of the columns is a credential."""

import os
import sys

import click
import psycopg

from kit import comparison
from kit.settings import DATABASE, REQUIRED, database, or_exit, parse

SETTINGS = {**DATABASE, "MONOLITH_DATABASE_URL": (database, REQUIRED)}
COMPARED = (comparison.Rows("accounts", "id"), comparison.Rows("ended_sessions", "sid"))
NEVER_EMPTY = ("accounts",)


def compare(monolith_url, service_url, tell=print):
    """Tell what differs; whether all is equal, and accounts were compared."""
    with comparison.snapshots(monolith_url, service_url) as (old, new):
        return comparison.compare(old, new, COMPARED, NEVER_EMPTY, tell)


@click.command()
def main():
    """Compare accounts and ended sessions in the monolith's database with the service's.

    DATABASE_URL is the service's database, MONOLITH_DATABASE_URL the monolith's. The exit code is
    1 if anything differs, or if there was no account to compare."""
    settings = or_exit(parse, SETTINGS, os.environ)
    try:
        is_same = compare(settings.monolith_database_url, settings.database_url)
    except psycopg.Error as error:
        sys.exit(f"encore: {str(error).strip().partition(chr(10))[0]}")
    sys.exit(0 if is_same else 1)


if __name__ == "__main__":
    main()
