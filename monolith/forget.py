import click
from flask.cli import with_appcontext

from monolith.accounts import sessions
from monolith.bookings import holds, idempotency
from monolith.process import this_process


@click.command("forget")
@with_appcontext
def command():
    """Drop what has run out: holds, ended sessions, idempotency keys. For a timer; nothing depends on when it is run."""
    now = this_process().clock()
    with this_process().db.transaction() as session:
        for part in (sessions, holds, idempotency):
            part.forget(session, now)
