import click
from flask.cli import with_appcontext

from monolith.accounts import service
from monolith.process import this_process
from monolith.refusals import NotFound


@click.command("grant-organiser")
@click.argument("email")
@with_appcontext
def grant_organiser(email):
    """Let the account with address EMAIL add events, from its next sign-in on."""
    try:
        with this_process().db.transaction("accounts") as session:
            service.make_organiser(session, email=email)
    except NotFound as refusal:
        raise click.ClickException(refusal.detail) from None
