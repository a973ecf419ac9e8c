import click
from flask.cli import with_appcontext

from kit.process import this_process
from monolith.bookings import service as bookings


@click.command("forget")
@with_appcontext
def command():
    """Drop expired holds and idempotency keys. It may run at any time."""
    process = this_process()
    with process.db.bookings.transaction() as session:
        bookings.forget(session, process.clock())
