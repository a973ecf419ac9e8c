"""The accounts of the sample data: a fan, an organiser, and more customers.

The sample of bookings has the same customers: kit/sample.py decides their ids."""

from datetime import UTC, datetime, time, timedelta

import click
from flask.cli import with_appcontext

from extracted.accounts import messages
from extracted.accounts.model import Account
from extracted.accounts.passwords import hashed
from kit import sample
from kit.outbox import record
from kit.process import this_process
from kit.turn import turn


@click.command("seed")
@click.option(
    "--accounts",
    default=100,
    show_default=True,
    type=click.IntRange(2, 1_000_000),
    help="How many accounts, the fan and the organiser included.",
)
@click.option("--seed", default=1, show_default=True, help="The number that decides the ids.")
@click.option(
    "--today",
    type=click.DateTime(["%Y-%m-%d"]),
    help="The accounts are a hundred days older; today, unless given.",
)
@click.option(
    "--fan-password",
    envvar="FAN_PASSWORD",
    required=True,
    help="Of fan@encore.example and the other customers.",
)
@click.option(
    "--organiser-password",
    envvar="ORGANISER_PASSWORD",
    required=True,
    help="Of organiser@encore.example.",
)
@click.option("--events", hidden=True)  # each seed command gets the same numbers
@with_appcontext
def command(accounts, seed, today, fan_password, organiser_password, events):
    """Load the sample's accounts; where they are there already, change nothing."""
    process = this_process()
    today = datetime.combine((today or process.clock()).date(), time(), UTC)
    with process.database.reading() as other, turn(other):
        if other.get(Account, sample.account_id(seed, sample.FAN)):
            click.echo("The sample data is there already.")
            return
        made_at = today - timedelta(days=100)
        with process.database.transaction() as session:
            load(session, accounts, seed, made_at, hashed(fan_password), hashed(organiser_password))
    click.echo(f"Loaded {accounts} accounts.")


def load(session, accounts, seed, made_at, fan_hash, organiser_hash):
    """Store so many accounts, and publish them: copies keep them, and nobody gets a mail."""

    def account(email, password_hash, role="customer"):
        return Account(
            id=sample.account_id(seed, email),
            email=email,
            name=_name(email),
            password_hash=password_hash,
            created_at=made_at,
            role=role,
            version=1,
        )

    customers = [account(email, fan_hash) for email in sample.customers(accounts)]
    stored = [account(sample.ORGANISER, organiser_hash, role="organiser"), *customers]
    session.add_all(stored)
    session.flush()
    record(session, *(messages.registered(each) for each in stored), snapshot=True)


def _name(email):
    """Fan, Organiser or, for instance, Customer 3."""
    return email.partition("@")[0].replace("customer", "customer ").capitalize()
