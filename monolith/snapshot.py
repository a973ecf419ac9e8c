"""Publishes the rows from before the outbox, once, so that copies can be built from the topics.

Their messages carry the header `ce_snapshot`: a consumer that keeps a copy applies them, a consumer
that acts on what happens (mail, charges) skips them. A row with version 0 is not published yet."""

import click
from flask.cli import with_appcontext

from kit.process import this_process
from kit.turn import turn
from monolith.catalog import snapshot as catalog


@click.command("snapshot")
@with_appcontext
def command():
    """Publish all rows from before the outbox. When it is run again, it publishes no row twice."""
    database = this_process().db.monolith
    with database.reading() as other, turn(other):
        for count in _batches(database):
            click.echo(f"published {count}")


def _batches(database):
    total = 0
    count = None
    while count != 0:
        with database.transaction() as session:
            count = catalog.publish(session, batch=100)
        total += count
        if count:
            yield total


def publish_all(session):
    """Publish all rows in one transaction."""
    while catalog.publish(session, batch=1000):
        pass
