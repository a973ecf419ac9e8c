"""Sample data, decided by a seed number: the same numbers give the same rows.

Each module stores its own rows in its seed.py, one after the other. The customers are those of
accounts: kit/sample.py decides their ids."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, time

import click
from flask.cli import with_appcontext

from kit import sample as ids
from kit.process import this_process
from kit.turn import turn
from monolith import snapshot
from monolith.bookings import seed as bookings
from monolith.catalog import seed as catalog

MODULES = (catalog, bookings)


@dataclass
class Sample:
    """How much data there is to be, and what the modules so far have made of it."""

    seed: int
    events: int
    accounts: int
    bookings: int  # at most, for each customer
    today: datetime
    plans: list = field(default_factory=list)  # (event, its seats as rows), from the catalog
    sales: list = field(default_factory=list)  # bookings as rows, from bookings

    def id(self, kind, *which):
        """The id of a thing of the sample."""
        return ids.id_of(self.seed, kind, *which)

    def customers(self):
        """The account ids of those who buy, the fan's first."""
        return [ids.account_id(self.seed, email) for email in ids.customers(self.accounts)]


@click.command("seed")
@click.option(
    "--events",
    default=200,
    show_default=True,
    type=click.IntRange(1, 10_000),
    help="How many events.",
)
@click.option(
    "--accounts",
    default=100,
    show_default=True,
    type=click.IntRange(2, 1_000_000),
    help="How many accounts there are, the fan and the organiser included.",
)
@click.option(
    "--bookings",
    default=4,
    show_default=True,
    type=click.IntRange(0, 1_000),
    help="How many past bookings a customer has, at most.",
)
@click.option(
    "--seed", default=1, show_default=True, help="The number that decides everything else."
)
@click.option(
    "--today",
    type=click.DateTime(["%Y-%m-%d"]),
    help="The day that the events lie around; today, unless given.",
)
@with_appcontext
def command(today, **numbers):
    """Load sample data; where it is there already, change nothing."""
    process = this_process()
    today = datetime.combine((today or process.clock()).date(), time(), UTC)
    sample = Sample(today=today, **numbers)
    database = process.db.monolith
    with database.reading() as other, turn(other), database.transaction() as session:
        if catalog.is_there(session, sample):
            click.echo("The sample data is there already.")
            return
        for module in MODULES:
            module.load(session, sample)
        snapshot.publish_all(session)
    click.echo(
        f"Loaded {len(catalog.VENUES)} venues, {sample.events} events "
        f"and {len(sample.sales)} past bookings."
    )
