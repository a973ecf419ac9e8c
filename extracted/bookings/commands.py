import click
from flask.cli import with_appcontext

from extracted.bookings import service
from kit.process import this_process


@click.command("forget")
@with_appcontext
def forget():
    """Drop expired holds and idempotency keys. It may run at any time."""
    process = this_process()
    with process.database.transaction() as session:
        service.forget(session, process.clock())
