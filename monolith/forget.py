import click
from flask.cli import with_appcontext

from kit.process import this_process
from monolith.accounts import service as accounts
from monolith.bookings import service as bookings


@click.command("forget")
@with_appcontext
def command():
    """Drop expired holds, ended sessions and idempotency keys. It may run at any time."""
    now = this_process().clock()
    with this_process().db.monolith.transaction() as session:
        for module in (accounts, bookings):
            module.forget(session, now)
