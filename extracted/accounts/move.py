"""The commands of the road by which accounts leave the monolith: python -m extracted.accounts.move

PostgreSQL's logical replication carries the rows, since credentials are on no topic: first from the
monolith's database to the service's, and from the cut-over on in both directions. At each moment
one of the databases at least refuses writes: its fence is closed. Each command can be run again
after an interruption."""

import os
import sys
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import click
import psycopg

from extracted.accounts import fence
from kit.network import NETWORK
from kit.replication import Replication, Trouble
from kit.settings import DATABASE, REQUIRED, database, or_exit, parse

SETTINGS = {**DATABASE, "MONOLITH_DATABASE_URL": (database, REQUIRED)}
MONOLITH, ACCOUNTS = "monolith", "accounts"
SIDE = click.argument("side", type=click.Choice([MONOLITH, ACCOUNTS]))
# an earlier run that was killed may still hold this lock for a moment
ALONE = "select pg_advisory_lock(6, 0)"
# a server ends the session of a client that is gone, whatever it waits for
SESSION = "-c client_connection_check_interval=500"


class Refused(Exception):
    """The command would do damage in this state; the text says why."""


@dataclass(frozen=True)
class Sides:
    """Connections to both databases, and the replication to each of them."""

    monolith: psycopg.Connection
    accounts: psycopg.Connection
    to_accounts: Replication
    to_monolith: Replication


@contextmanager
def both_sides(monolith_url, accounts_url):
    """The Sides, for one command at a time."""
    with ExitStack() as stack:
        monolith, accounts = (
            stack.enter_context(psycopg.connect(url, autocommit=True, options=SESSION, **NETWORK))
            for url in (monolith_url, accounts_url)
        )
        accounts.execute(ALONE)
        yield Sides(
            monolith,
            accounts,
            Replication("accounts_there", fence.TABLES, monolith, accounts, monolith_url),
            Replication("accounts_back", fence.TABLES, accounts, monolith, accounts_url),
        )


def begin(sides):
    """Copy the monolith's rows to the service's empty tables, and keep them up to date."""
    if not fence.is_closed(sides.accounts):
        raise Refused("the fence of accounts is open, so its rows may be in use")
    drop(sides)
    sides.accounts.execute(f"truncate {', '.join(fence.TABLES)}")
    sides.to_accounts.start(copy=True)
    sides.to_accounts.wait_for_copy()


def turn(sides):
    """From now on, what is written at the service is replicated to the monolith, too."""
    if not all(map(fence.is_closed, (sides.monolith, sides.accounts))):
        raise Refused("a fence is open: what is written now would be on one side only")
    sides.to_monolith.start(copy=False)


def drop(sides):
    """End the replication in both directions; how many slots are left."""
    both = sides.to_accounts, sides.to_monolith
    for each in both:
        each.drop()
    return sum(each.slots_left() for each in both)


def complete(sides):
    """End the replication, and delete the monolith's rows; how many slots are left."""
    if fence.is_closed(sides.accounts):
        raise Refused("the fence of accounts is closed, so the monolith's rows may be in use")
    left = drop(sides)
    sides.monolith.execute(f"truncate {', '.join(fence.TABLES)}")
    fence.open_(sides.monolith)
    return left


@click.group()
@click.pass_context
def main(context):
    """Move accounts from the monolith's database to the service's, while the shop goes on.

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
        click.echo(f"replication slots left: {drop(sides)}")


@main.command("close")
@SIDE
@click.pass_obj
def close_command(settings, side):
    """Refuse writes to the tables on one side; transactions that have written end before."""
    with connected(settings) as sides:
        fence.close(getattr(sides, side))
        click.echo(f"the fence of {side} is closed")


@main.command("open")
@SIDE
@click.pass_obj
def open_command(settings, side):
    """Let writes pass on one side."""
    with connected(settings) as sides:
        fence.open_(getattr(sides, side))
        click.echo(f"the fence of {side} is open")


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
    """Replicate in the other direction, too. Both fences are closed."""
    with connected(settings) as sides:
        turn(sides)
        click.echo("what is written at accounts is replicated to the monolith")


@main.command("complete")
@click.pass_obj
def complete_command(settings):
    """End the replication, and delete the monolith's rows: the point of no return."""
    with connected(settings) as sides:
        click.echo(f"replication slots left: {complete(sides)}")


if __name__ == "__main__":
    main()
