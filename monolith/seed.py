"""Sample data, decided by a seed number: the same numbers give the same rows."""

from dataclasses import dataclass
from datetime import UTC, datetime, time

import click
from flask.cli import with_appcontext
from sqlalchemy import text

from kit import sample as ids
from kit.process import this_process
from kit.turn import turn
from monolith import snapshot
from monolith.catalog import seed as catalog

# A new shop has no bookings in the old tables, and nobody is to write any: the service does.
CLOSE_THE_OLD_SIDE = text("update epoch set number = number + 1, is_open = false where is_open")


@dataclass(frozen=True)
class Sample:
    """How much data there is to be."""

    seed: int
    events: int
    today: datetime

    def id(self, kind, *which):
        """The id of a thing of the sample."""
        return ids.id_of(self.seed, kind, *which)


@click.command("seed")
@click.option(
    "--events",
    default=200,
    show_default=True,
    type=click.IntRange(1, 10_000),
    help="How many events.",
)
@click.option(
    "--seed", default=1, show_default=True, help="The number that decides everything else."
)
@click.option(
    "--today",
    type=click.DateTime(["%Y-%m-%d"]),
    help="The day that the events lie around; today, unless given.",
)
@click.option("--accounts", hidden=True)  # each seed command gets the same numbers
@with_appcontext
def command(events, seed, today, accounts):
    """Load sample data; where it is there already, change nothing."""
    process = this_process()
    today = datetime.combine((today or process.clock()).date(), time(), UTC)
    sample = Sample(seed=seed, events=events, today=today)
    database = process.db.monolith
    with database.reading() as other, turn(other), database.transaction() as session:
        if catalog.is_there(session, sample):
            click.echo("The sample data is there already.")
            return
        catalog.load(session, sample)
        snapshot.publish_all(session)
        session.execute(CLOSE_THE_OLD_SIDE)
    click.echo(f"Loaded {len(catalog.VENUES)} venues and {sample.events} events.")
