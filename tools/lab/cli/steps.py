"""The commands about the chain of steps."""

import sys

import click

from tools.lab.cli.terminal import out, say, until_interrupted
from tools.lab.steps import chain as chains
from tools.lab.steps import listing, proving
from tools.lab.steps import publish as publishing


@click.command("steps")
def steps_command():
    """List the steps: tag, lesson, processes, published and proved or not, headline numbers."""
    out.print(listing.table(chains.make_tags(say)))


@click.command()
@click.argument("step")
@click.option("--stat", is_flag=True, help="Only which files, and how much.")
def diff(step, stat):
    """Show what STEP changes, in reading order: moves folded, tooling and documents left out."""
    chain = chains.make_tags(say)
    sys.exit(listing.show_diff(chain, chains.find(step, chain), stat=stat))


@click.command()
@click.argument("step")
@click.option("--drop", is_flag=True, help="Throw away what was begun.")
def edit(step, drop):
    """Open a worktree of an earlier STEP, to mend it there."""
    found = chains.find(step, chains.make_tags(say))
    if drop:
        publishing.drop_edit(found.slug)
        return
    out.print(
        f"Mend it in {publishing.open_edit(found)} and commit there; then ./lab publish carries "
        "it to every later step.",
        soft_wrap=True,
    )


@click.command()
@click.option(
    "--continue", "going_on", is_flag=True, help="Go on after a conflict that is settled."
)
@click.option("--linear", is_flag=True, help="Put the new chain on main itself, without a merge.")
@click.option("--no-prove", is_flag=True, help="Leave steps unproved.")
@click.option(
    "--dry-run", is_flag=True, help="Say what each step would change, and publish nothing."
)
def publish(going_on, linear, no_prove, dry_run):
    """Rebuild the chain of steps on today's tooling, with the edits that were made; prove it; join
    it to main; move the tags."""
    until_interrupted()
    publishing.publish(
        say,
        prove=None if no_prove else proving.prove,
        linear=linear,
        going_on=going_on,
        dry=dry_run,
    )
