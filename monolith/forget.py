import click
from flask.cli import with_appcontext

from kit.process import this_process
from monolith.accounts import sessions
from monolith.bookings import holds, idempotency


@click.command("forget")
@with_appcontext
def command():
    """Drop expired holds, ended sessions and idempotency keys. It may run at any time."""
    now = this_process().clock()
    with this_process().db.monolith.transaction() as session:
        for table in (sessions, holds, idempotency):
            table.forget(session, now)
