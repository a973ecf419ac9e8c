import click
from flask.cli import with_appcontext

from extracted.accounts import service
from kit.process import this_process
from kit.refusals import NotFound


@click.command("forget")
@with_appcontext
def forget():
    """Drop ended sessions whose tokens have expired. It may run at any time."""
    process = this_process()
    with process.database.transaction() as session:
        service.forget(session, process.clock())


@click.command("grant-organiser")
@click.argument("email")
@with_appcontext
def grant_organiser(email):
    """Let the account with address EMAIL add events, from its next sign-in on."""
    try:
        with this_process().database.transaction() as session:
            service.make_organiser(session, email=email)
    except NotFound as refusal:
        raise click.ClickException(refusal.detail) from None
