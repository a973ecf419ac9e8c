import click
from flask.cli import with_appcontext

from monolith.accounts import service as accounts
from monolith.bookings import service as bookings
from monolith.process import this_process


@click.command("forget")
@with_appcontext
def command():
    """Drop what has run out: holds, ended sessions, idempotency keys. For a timer; nothing depends on when it is run."""
    for name, part in {"accounts": accounts, "bookings": bookings}.items():
        with this_process().db.transaction(name) as session:
            part.forget(session, this_process().clock())
