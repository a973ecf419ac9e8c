"""Copies the rows of payments from the monolith's database to the service's, while the shop goes
on; or back: python -m extracted.payments.backfill [--back] [--last]

It goes in chunks, in the order of the keys. A chunk is compared first, and copied only if it
differs, in a transaction of its own. So the first run copies everything, and a later one what has
changed since. Nothing is locked but the rows that are written, on the side that nobody uses.

Only the consumer group `payments` writes these rows. It adds payments and inbox rows, adds
customers, and replaces a customer's id at the provider now and then. The keys are random, so a new
row may come before the place where a run is: the run that begins after the consumer has stopped,
--last, finds it."""

import os
import sys
import time
from contextlib import ExitStack

import click
import psycopg

from extracted.payments.chunks import TABLES
from extracted.payments.ledger import Ledger
from extracted.payments.unpublished import hand_over
from kit.database import BOUNDS
from kit.network import NETWORK
from kit.settings import DATABASE, REQUIRED, database, or_exit, parse

SETTINGS = {**DATABASE, "MONOLITH_DATABASE_URL": (database, REQUIRED)}
THERE, BACK = "there", "back"
CHUNK = 2000  # rows
# an earlier run that was killed may still hold this lock for a moment
ALONE = "select pg_advisory_lock(5, 0)"


def move(monolith_url, service_url, *, back, last, chunk, rest, ledger=Ledger, tell=print):
    """Copy what differs to the service's database, or back to the monolith's.

    Unless it is the last one, a run rests `rest` seconds after each second of work, and goes on
    where one of the same way was interrupted."""
    with ExitStack() as stack:

        def connect(url, **options):
            return stack.enter_context(connection(url, **options))

        noting = connect(service_url)
        noting.execute(ALONE)
        source = connect(service_url if back else monolith_url, only_reads=True)
        target = connect(monolith_url if back else service_url)
        run = ledger(noting, BACK if back else THERE, len(TABLES), anew=last)
        for rows in TABLES:
            compared, copied = copy_table(source, target, run, rows, chunk, 0 if last else rest)
            tell(f"{rows.name}: {compared} rows compared, {copied} copied")
        if back and last:
            tell(f"unpublished messages: {hand_over(noting, target)} handed over")


def connection(url, *, only_reads=False):
    """A connection in autocommit. A plan is made for each statement: the one for an empty table
    would read all of it, chunk by chunk, when it has grown."""
    settings = {"timezone": "UTC", **BOUNDS}
    if only_reads:
        settings["default_transaction_read_only"] = "on"
    return psycopg.connect(
        url,
        autocommit=True,
        prepare_threshold=None,
        options=" ".join(f"-c {name}={value}" for name, value in settings.items()),
        **NETWORK,
    )


def copy_table(source, target, run, rows, size, rest):
    """(the number of rows that were compared, and of those that were copied)"""
    compared = copied = 0
    number, after, is_last = run.position(rows.name)
    target.execute(rows.stage())
    while not is_last:
        began = time.monotonic()
        found = source.execute(rows.next(), [after, size]).fetchone()
        count, upto = found[0], found[1] or after
        changed = copy_chunk(source, target, rows, [after, upto], found) if count else 0
        is_last = count < size
        number += 1
        # afterwards: a chunk that is copied twice is the same, one that was left out is lost
        run.note(
            rows.name,
            number,
            upto=upto,
            compared=count,
            copied=changed,
            is_last=is_last,
        )
        after = upto
        compared += count
        copied += changed
        time.sleep(rest * (time.monotonic() - began))
    return compared, copied


def copy_chunk(source, target, rows, between, found):
    """Copy the rows between two keys, unless they are the same on the other side; the number of
    those that were new or different."""
    if target.execute(rows.same(), [between[1], *between]).fetchone() == found:
        return 0
    with target.transaction():
        with (
            source.cursor().copy(rows.read(), between) as out,
            target.cursor().copy(rows.write()) as moved,
        ):
            for block in out:
                moved.write(block)
        return target.execute(rows.merge()).rowcount


@click.command()
@click.option("--back", is_flag=True, help="Copy from the service to the monolith.")
@click.option(
    "--last",
    is_flag=True,
    help="Nobody writes any more: begin at the first key, and do not rest. With --back, hand over "
    "the messages that are not published, too.",
)
@click.option(
    "--chunk",
    default=CHUNK,
    show_default=True,
    type=click.IntRange(1, 100_000),
    help="How many rows are copied in one transaction.",
)
@click.option(
    "--rest",
    default=1.0,
    show_default=True,
    type=click.FloatRange(0, 100),
    help="Seconds of rest after each second of work, for the shop.",
)
def main(**options):
    """Copy customers, payments and inbox rows from the monolith's database to the service's.

    DATABASE_URL is the service's database, MONOLITH_DATABASE_URL the monolith's. If it is killed,
    run it again: it goes on after the last chunk."""
    settings = or_exit(parse, SETTINGS, os.environ)
    try:
        move(settings.monolith_database_url, settings.database_url, **options)
    except psycopg.Error as error:
        sys.exit(f"encore: {str(error).strip().partition(chr(10))[0]}; run it again")


if __name__ == "__main__":
    main()
