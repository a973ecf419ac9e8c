import click
from flask.cli import with_appcontext

from monolith.accounts import service as accounts
from monolith.bookings import service as bookings
from monolith.process import this_process


@click.command("forget")
@with_appcontext
def command():
    """Drop what has run out: holds, ended sessions, idempotency keys. For a timer; nothing depends on when it is run."""
    now = this_process().clock()
    with this_process().db.transaction() as session:
        for part in (accounts, bookings):
            part.forget(session, now)
