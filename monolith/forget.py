import click
from flask.cli import with_appcontext

from kit.process import this_process
from monolith.accounts import service as accounts
from monolith.bookings import service as bookings


@click.command("forget")
@with_appcontext
def command():
    """Drop expired holds, ended sessions and idempotency keys. It may run at any time."""
    process = this_process()
    for module, database in ((accounts, process.db.accounts), (bookings, process.db.bookings)):
        with database.transaction() as session:
            module.forget(session, process.clock())
