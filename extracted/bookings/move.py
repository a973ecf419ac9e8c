"""The commands of the road by which bookings leave the monolith: python -m extracted.bookings.move

PostgreSQL's logical replication carries the rows, first from the monolith's database to the
service's, and from the flip on in both directions. The epoch decides who writes: a side is opened
only when the other one is closed. Each command can be run again after an interruption."""

import os
import sys
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import click
import psycopg

from kit import epoch
from kit.network import NETWORK
from kit.replication import Replication, Trouble
from kit.settings import DATABASE, REQUIRED, database, or_exit, parse

SETTINGS = {**DATABASE, "MONOLITH_DATABASE_URL": (database, REQUIRED)}
MONOLITH, BOOKINGS = "monolith", "bookings"
SIDE = click.argument("side", type=click.Choice([MONOLITH, BOOKINGS]))
TABLES = ("holds", "claims", "bookings", "booking_seats", "idempotency_keys")
EMPTY = f"truncate {', '.join(TABLES)}"
FORGET = """
delete from inbox where consumer = 'bookings';
delete from dead_letters where consumer = 'bookings'"""
# an earlier run that was killed may still hold this lock for a moment
ALONE = "select pg_advisory_lock(13, 0)"
# a server ends the session of a client that is gone, whatever it waits for
SESSION = "-c client_connection_check_interval=500"


class Refused(Exception):
    """The command would do damage in this state; the text says why."""


@dataclass(frozen=True)
class Sides:
    """Connections to both databases, and the replication to each of them."""

    monolith: psycopg.Connection
    bookings: psycopg.Connection
    to_bookings: Replication
    to_monolith: Replication

    def of(self, side):
        """(the connection to a side, the connection to the other one)"""
        both = self.monolith, self.bookings
        return both if side == MONOLITH else both[::-1]

    def open_sides(self):
        """The names of the sides that accept writes."""
        sides = {MONOLITH: self.monolith, BOOKINGS: self.bookings}
        return {name for name, connection in sides.items() if epoch.read(connection)[1]}


@contextmanager
def both_sides(monolith_url, bookings_url):
    """The Sides, for one command at a time."""
    with ExitStack() as stack:
        monolith, bookings = (
            stack.enter_context(psycopg.connect(url, autocommit=True, options=SESSION, **NETWORK))
            for url in (monolith_url, bookings_url)
        )
        bookings.execute(ALONE)
        yield Sides(
            monolith,
            bookings,
            Replication("bookings_there", TABLES, monolith, bookings, monolith_url),
            Replication("bookings_back", TABLES, bookings, monolith, bookings_url),
        )


def begin(sides):
    """Copy the monolith's rows to the service's empty tables, and keep them up to date."""
    if sides.open_sides() != {MONOLITH}:
        raise Refused("the monolith does not have the newest rows: it must be open, and it alone")
    drop(sides)
    sides.bookings.execute(EMPTY)
    sides.to_bookings.start(copy=True)
    sides.to_bookings.wait_for_copy()


def close(sides, side):
    """Refuse writes on one side; the number of its epoch."""
    connection, _ = sides.of(side)
    return epoch.close(connection)


def open_(sides, side):
    """Accept writes on one side; the number of its epoch, which is the highest."""
    connection, other = sides.of(side)
    number, other_is_open = epoch.read(other)
    if other_is_open:
        raise Refused("the other side is open: both would write")
    return epoch.open_(connection, after=number)


def turn(sides):
    """From now on, what is written at the service is replicated to the monolith, too."""
    if BOOKINGS in sides.open_sides():
        raise Refused("bookings writes: the monolith would not get what it writes meanwhile")
    sides.to_monolith.start(copy=False)


def end(sides):
    """End the replication on the way back; how many slots are left."""
    if BOOKINGS in sides.open_sides():
        raise Refused("bookings writes: the monolith would not get its rows any more")
    return drop(sides)


def complete(sides):
    """End the replication, and delete the monolith's rows; how many slots are left."""
    if sides.open_sides() != {BOOKINGS}:
        raise Refused("bookings does not have the newest rows: it must be open, and it alone")
    left = drop(sides)
    sides.monolith.execute(EMPTY)
    sides.monolith.execute(FORGET)
    return left


def drop(sides):
    """Drop both replications, or what there is of them; how many slots are left."""
    both = sides.to_bookings, sides.to_monolith
    for each in both:
        each.drop()
    return sum(each.slots_left() for each in both)


@click.group()
@click.pass_context
def main(context):
    """Move bookings from the monolith's database to the service's, while the shop goes on.

    DATABASE_URL is the service's database, MONOLITH_DATABASE_URL the monolith's. A command that is
    killed can be run again."""
    context.obj = or_exit(parse, SETTINGS, os.environ)


@contextmanager
def connected(settings):
    """The Sides; trouble is one line on standard error, which has no password, and exit code 1."""
    try:
        with both_sides(settings.monolith_database_url, settings.database_url) as sides:
            yield sides
    except psycopg.Error as error:
        sys.exit(f"encore: {str(error).strip().partition(chr(10))[0]}; run it again")
    except (Trouble, Refused) as trouble:
        sys.exit(f"encore: {trouble}")


@main.command("begin")
@click.pass_obj
def begin_command(settings):
    """Copy the monolith's rows, and replicate what is written to them later."""
    with connected(settings) as sides:
        begin(sides)
        click.echo("all rows are copied; later ones are replicated")


@main.command("end")
@click.pass_obj
def end_command(settings):
    """Drop all subscriptions, publications and slots of the move."""
    with connected(settings) as sides:
        click.echo(f"replication slots left: {end(sides)}")


@main.command("close")
@SIDE
@click.pass_obj
def close_command(settings, side):
    """Refuse writes on one side. Transactions that have written end before, or are ended."""
    with connected(settings) as sides:
        click.echo(f"{side} is closed; its epoch is {close(sides, side)}")


@main.command("open")
@SIDE
@click.pass_obj
def open_command(settings, side):
    """Accept writes on one side. The other side is closed."""
    with connected(settings) as sides:
        click.echo(f"{side} is open; its epoch is {open_(sides, side)}")


@main.command("catch-up")
@SIDE
@click.pass_obj
def catch_up_command(settings, side):
    """Wait until one side has everything that the other has written until now."""
    with connected(settings) as sides:
        follows = getattr(sides, f"to_{side}").catch_up()
        click.echo(f"{side} has all rows" if follows else f"{side} follows nobody")


@main.command("turn")
@click.pass_obj
def turn_command(settings):
    """Replicate in the other direction, too. The service's side is closed."""
    with connected(settings) as sides:
        turn(sides)
        click.echo("what is written at bookings is replicated to the monolith")


@main.command("complete")
@click.pass_obj
def complete_command(settings):
    """End the replication, and delete the monolith's rows: the point of no return."""
    with connected(settings) as sides:
        click.echo(f"replication slots left: {complete(sides)}")


if __name__ == "__main__":
    main()
