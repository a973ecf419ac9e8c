"""The command about the same change at every step."""

import sys

import click
from rich.table import Column, Table

from tools.lab.cli.terminal import out, say, until_interrupted
from tools.lab.ground.failed import Failed
from tools.lab.steps import chain as chains
from tools.lab.steps import changes as catalogue
from tools.lab.steps import trial


@click.command()
@click.argument("name", required=False)
@click.argument("step", required=False)
@click.option("--all", "everywhere", is_flag=True, help="Try it out at every step.")
def changes(name, step, everywhere):
    """What the same small change takes at each step.

    Without STEP: the files and lines that each change touches, and the processes to deploy. With
    NAME and STEP: run the change's test in copies of the step, without its patch (it must fail)
    and with it (it must pass); about half a minute. With --all: the same at every step, for NAME
    or for all changes."""
    if step and everywhere:
        raise Failed("give a STEP or --all, not both", 2)
    chosen = [catalogue.find(name)] if name else list(catalogue.known().values())
    chain = chains.read()
    if step or everywhere:
        steps = [chains.find(step, chain)] if step else chain.steps
        if not steps:
            raise Failed(chains.no_steps(), 2)
        until_interrupted()
        sys.exit(0 if _try_out(chosen, steps, chain.steps[-1]) else 1)
    for change in chosen:
        out.print(f"{change.name}: {change.title}", soft_wrap=True)
        out.print(_table(change))
    say("./lab changes NAME STEP tries one out; how to make it yourself: docs/changes")


def _table(change):
    """The figures of a change, a line a step."""
    columns = (Column(name, justify="right") for name in ("files", "lines"))
    deploy = Column("processes to deploy", overflow="fold")
    table = Table("step", *columns, deploy, box=None)
    for slug, figures in catalogue.figures([change])[change.name].items():
        numbers = (str(figures.files), str(figures.lines))
        table.add_row(slug, *numbers, ", ".join(figures.processes))
    return table


def _try_out(chosen, steps, newest):
    """Whether every chosen change works at every one of these steps."""
    pairs = [(change, step) for change in chosen for step in steps]
    works = []
    for number, (change, step) in enumerate(pairs, start=1):
        say(f"{number} of {len(pairs)}: {change.name} at {step.slug}, about half a minute")
        works.append(_works(change, step, newest))
        out.print(f"{change.name} at {step.slug}: {'works' if works[-1] else 'DOES NOT WORK'}")
    return all(works)


def _works(change, step, newest):
    """Whether a change works at a step; the reason is printed if that cannot be said."""
    try:
        return trial.run(change, step, newest, say)
    except Failed as failure:
        say(f"lab: {failure}")
        return False
