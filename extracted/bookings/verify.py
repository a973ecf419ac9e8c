"""Compares the rows of bookings in the monolith's database with those in the service's, while
neither side writes: python -m extracted.bookings.verify

It shares no code with what moves them. Counts, keys, the hash of each row, the sums of money."""

import os
import sys

import click
import psycopg

from kit import comparison
from kit.settings import DATABASE, REQUIRED, database, or_exit, parse

SETTINGS = {**DATABASE, "MONOLITH_DATABASE_URL": (database, REQUIRED)}
COMPARED = (
    comparison.Rows("holds", "id"),
    comparison.Rows("claims", "seat_id"),
    comparison.Rows("bookings", "id"),
    comparison.Rows("booking_seats", "booking_id || ' ' || seat_id"),
    comparison.Rows("idempotency_keys", "account_id || ' ' || key"),
)
NEVER_EMPTY = ("bookings",)
MONEY = """
select concat_ws(' ', 'bookings', status, currency), sum(total) from bookings
group by status, currency
union all
select concat_ws(' ', 'holds', case when used then 'used' else 'not used' end, currency), sum(total)
from holds group by used, currency"""


def compare(monolith_url, service_url, tell=print):
    """Tell what differs; whether all is equal, and bookings were compared."""
    with comparison.snapshots(monolith_url, service_url) as (old, new):
        is_same_money = comparison.compare_money(old, new, MONEY, tell)
        return comparison.compare(old, new, COMPARED, NEVER_EMPTY, tell) and is_same_money


@click.command()
def main():
    """Compare holds, claims, bookings and keys in the monolith's database with the service's.

    DATABASE_URL is the service's database, MONOLITH_DATABASE_URL the monolith's. The exit code is
    1 if anything differs, or if there was no booking to compare."""
    settings = or_exit(parse, SETTINGS, os.environ)
    try:
        is_same = compare(settings.monolith_database_url, settings.database_url)
    except psycopg.Error as error:
        sys.exit(f"encore: {str(error).strip().partition(chr(10))[0]}")
    sys.exit(0 if is_same else 1)


if __name__ == "__main__":
    main()
