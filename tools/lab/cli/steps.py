"""The commands about the chain of steps."""

import sys
from pathlib import Path

import click

from tools.lab.cli.options import find
from tools.lab.cli.terminal import out, say, until_interrupted
from tools.lab.ground.failed import Failed
from tools.lab.ground.tree import HERE
from tools.lab.steps import chain as chains
from tools.lab.steps import edits, listing, numbers, proving
from tools.lab.steps import publish as publishing
from tools.lab.steps.each import Form


@click.command("steps")
def steps_command():
    """List the steps with proof, figures, lesson and wrong turns."""
    chain = chains.read()
    if not chain.steps:
        say(chains.no_steps())
    out.print(listing.table(chain), soft_wrap=True)


@click.command("numbers")
def numbers_command():
    """Write the kept results into the documents.

    They are the tables of the steps' pages and of the README. --keep does this too; after a step
    has changed, this marks its figures as older."""
    changed = numbers.write()
    for path in changed:
        say(f"Written: {path.relative_to(HERE.path)}")
    if not changed:
        say("Every number is up to date.")


@click.command()
@click.argument("step")
@click.option("--stat", is_flag=True, help="Only the names of the files and the sizes.")
def diff(step, stat):
    """Show what STEP, or a wrong turn, changes, in reading order.

    A moved file is one line; tooling and documents are left out."""
    chain = chains.read()
    sys.exit(listing.show_diff(chain, find(step, chain), stat=stat))


@click.command()
@click.argument("step")
@click.option("--drop", is_flag=True, help="Remove the edit of STEP.")
def edit(step, drop):
    """Open a worktree of an earlier STEP, to repair it there."""
    found = chains.find(step, chains.read())
    if drop:
        edits.drop_edit(found.slug)
        return
    out.print(
        f"Repair it in {edits.open_edit(found)} and commit there; then ./lab publish carries the "
        "change to every later step.",
        soft_wrap=True,
    )


def read_renames(context, parameter, values):
    renames = dict(value.partition("=")[::2] for value in values)
    if not all(renames.values()):
        raise click.BadParameter("write OLD=NEW, such as 05-tables=05-schemas")
    return renames


@click.command()
@click.option(
    "--continue", "going_on", is_flag=True, help="Continue after you resolved a conflict."
)
@click.option("--linear", is_flag=True, help="Put the new chain on main itself, without a merge.")
@click.option("--no-prove", is_flag=True, help="Do not prove the steps.")
@click.option("--dry-run", is_flag=True, help="Only print what each step would change.")
@click.option(
    "--each",
    "command",
    metavar="COMMAND",
    help="Run this shell command in a worktree of every step's tree, and take the step files that "
    "it leaves. Its environment has STEP, STEP_NUMBER and NEW_STEP.",
)
@click.option(
    "--rename",
    "renames",
    metavar="OLD=NEW",
    multiple=True,
    callback=read_renames,
    help="Give a step a new slug, such as 05-tables=05-schemas; repeatable.",
)
@click.option(
    "--messages",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="A folder: its files NN-slug.txt are the new messages of these steps.",
)
def publish(going_on, linear, no_prove, dry_run, command, renames, messages):
    """Rebuild the steps on today's tooling, prove and tag them.

    The edits become part of their steps; the new chain is joined to main."""
    form = Form(command, renames, messages)
    if form and going_on:
        raise Failed("--continue does not go with --each, --rename or --messages", 2)
    until_interrupted()
    publishing.publish(
        say,
        prove=None if no_prove else proving.prove,
        linear=linear,
        going_on=going_on,
        dry=dry_run,
        form=form,
    )
