"""Compares the rows of payments in the monolith's database with those in the service's, while
nobody writes them: python -m extracted.payments.verify

It shares no code with what has copied them. Counts, keys, the hash of each row, sums of money."""

import os
import sys

import click
import psycopg

from kit import comparison
from kit.settings import DATABASE, REQUIRED, database, or_exit, parse

SETTINGS = {**DATABASE, "MONOLITH_DATABASE_URL": (database, REQUIRED)}
COMPARED = (
    comparison.Rows("customers", "account_id"),
    comparison.Rows("payments", "id"),
    comparison.Rows("inbox", "message_id", "consumer = 'payments'"),
)
NEVER_EMPTY = ("customers", "payments", "inbox")
MONEY = """
select concat_ws(' ', status, kind, currency), sum(amount) from payments
group by status, kind, currency"""


def compare(monolith_url, service_url, tell=print):
    """Tell what differs; whether all is equal, and of each table something was compared."""
    with comparison.snapshots(monolith_url, service_url) as (old, new):
        is_same_money = comparison.compare_money(old, new, MONEY, tell)
        return comparison.compare(old, new, COMPARED, NEVER_EMPTY, tell) and is_same_money


@click.command()
def main():
    """Compare customers, payments and inbox rows in the monolith's database with the service's.

    DATABASE_URL is the service's database, MONOLITH_DATABASE_URL the monolith's. The exit code is
    1 if anything differs, or if nothing was compared."""
    settings = or_exit(parse, SETTINGS, os.environ)
    try:
        is_same = compare(settings.monolith_database_url, settings.database_url)
    except psycopg.Error as error:
        sys.exit(f"encore: {str(error).strip().partition(chr(10))[0]}")
    sys.exit(0 if is_same else 1)


if __name__ == "__main__":
    main()
