"""`./lab break`: the fault drills of a step."""

import secrets
import sys

import click

from tools.lab.cli.blind import run_blind
from tools.lab.cli.options import json_option, keep_option, step_argument, tree_of
from tools.lab.cli.terminal import out, say, until_interrupted
from tools.lab.experiment.breaking import SECONDS_EACH, Breaking, about
from tools.lab.experiment.drills import chosen, drills_of
from tools.lab.experiment.origin import digest, machine
from tools.lab.experiment.outcome import is_whole
from tools.lab.experiment.result import Result
from tools.lab.ground.failed import Failed
from tools.lab.measure.drill import KILLS, RECONCILED_WITHIN, Drill
from tools.lab.report.drill import show_drill
from tools.lab.report.drills import show_drills, show_list
from tools.lab.steps import numbers


@click.command("break")
@step_argument
@click.option("--fault", "names", multiple=True, metavar="NAME", help="This drill; repeatable.")
@click.option("--all", "every", is_flag=True, help="Every drill that the step can have.")
@click.option("--list", "listing", is_flag=True, help="List the drills, with their hypotheses.")
@click.option(
    "--blind",
    is_flag=True,
    help="Break something that you do not know, and tell it when you think that you do.",
)
@click.option(
    "--under-load",
    is_flag=True,
    help="Load the step, make every kind of trouble at once, and audit it.",
)
@click.option(
    "--kills",
    is_flag=True,
    help="Make about 200 bookings while every process is killed again and again, and audit it.",
)
@click.option(
    "--repeat",
    default=1,
    show_default=True,
    type=click.IntRange(1, 1000),
    help="How often, with --under-load or --kills; each takes a minute or more.",
)
@click.option(
    "--seed",
    type=int,
    help="The number from which load and trouble are made. Default: 1, or any with --blind.",
)
@json_option
@keep_option
def break_(step, names, every, listing, blind, under_load, kills, repeat, seed, path, keep):
    """Break a step in many ways, and show what still works.

    Each drill states what should go on working. A customer tries every journey while the fault is
    on, under a low load; then the drill waits until the system is well, and audits it. Without
    --fault and --all, each component is stopped in turn.

    The exit code is 1 if a drill left the system broken, or broke a promise that the step is not
    known to break. docs/break.md says how to read the table."""
    if bool(names) + every + listing + blind + under_load + kills > 1:
        raise Failed("give one of --fault, --all, --list, --blind, --under-load and --kills", 2)
    tree = tree_of(step)
    if listing:
        show_list(out, drills_of(tree))
        return
    until_interrupted()
    if blind:
        sys.exit(run_blind(tree, secrets.randbelow(10_000) if seed is None else seed))
    seed = 1 if seed is None else seed
    if under_load or kills:
        options = KILLS if kills else {}
        sys.exit(0 if show_drill(out, Drill(tree, repeat, seed=seed, log=say, **options)) else 1)
    sys.exit(run_drills(tree, names, every, seed=seed, path=path, keep=keep))


def run_drills(tree, names, every, *, seed, path, keep):
    """Carry out drills, print what came of them, and return the exit code."""
    drills = chosen(tree, names, every)
    waits = every or bool(names)
    long = f"{len(drills)} drills, {about(len(drills) * SECONDS_EACH)} in all"
    more = f", then up to {about(RECONCILED_WITHIN)} until all charges without a booking are back"
    out.print(long + more * waits + ".", style="dim")
    breaking = Breaking(tree, list(drills.values()), seed=seed, log=say, waits=waits)
    outcomes = {drill.name: outcome for drill, outcome in breaking}
    show_drills(out, outcomes)
    still = len(breaking.still_charged)
    if waits and breaking.charged:
        given = breaking.charged - still
        out.print(f"Of {breaking.charged} charges without a booking, {given} were given back.")
    result = result_of(tree, names, every, seed, outcomes)
    if path:
        result.write(path)
    if keep:
        numbers.keep(result)
    return 0 if all(map(is_whole, outcomes.values())) and not still else 1


def result_of(tree, names, every, seed, outcomes):
    """The Result of drills on one step."""
    words = [*(f"--fault {name}" for name in names), *["--all"] * every, "--keep"]
    return Result(
        kind="break",
        command=" ".join(["./lab break", tree.slug[:2], *words]),
        machine=machine(),
        settings={"seed": seed},
        files={tree.slug: digest(tree)},
        drills={tree.slug: outcomes},
    )
