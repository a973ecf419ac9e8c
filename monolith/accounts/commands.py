import click
from flask.cli import with_appcontext

from kit.process import this_process
from kit.refusals import NotFound
from monolith.accounts import service


@click.command("grant-organiser")
@click.argument("email")
@with_appcontext
def grant_organiser(email):
    """Let the account with address EMAIL add events, from its next sign-in on."""
    try:
        with this_process().db.accounts.transaction() as session:
            service.make_organiser(session, email=email)
    except NotFound as refusal:
        raise click.ClickException(refusal.detail) from None
