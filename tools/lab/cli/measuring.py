"""The commands that measure a step or break it."""

import sys

import click

from tools.lab.cli.options import keep_option, step_argument, tree_of
from tools.lab.cli.terminal import out, say, until_interrupted
from tools.lab.experiment.origin import digest, machine
from tools.lab.experiment.result import Result
from tools.lab.measure import bench as benchmark
from tools.lab.measure import coupling as coupling_of_modules
from tools.lab.measure import outages
from tools.lab.measure.drill import Drill
from tools.lab.report.drill import show_drill
from tools.lab.report.terminal import table_of_figures
from tools.lab.steps import mutants as mutating
from tools.lab.steps import numbers


@click.command()
@step_argument
@keep_option
def bench(step, keep):
    """Measure speed, memory and start of a step, as ratios.

    Reads are compared with a bare route, holds and bookings with a bare insert. Takes two to
    four minutes."""
    tree = tree_of(step)
    figures = benchmark.run(out, tree)
    out.print(table_of_figures(figures))
    if keep:
        numbers.keep(result_of("bench", tree, figures=figures))


@click.command()
@step_argument
@keep_option
def coupling(step, keep):
    """Measure how far the modules of a step are coupled.

    It counts imports of another module's internals, foreign keys and statements across modules, and
    the statements of each request."""
    tree = tree_of(step)
    figures = coupling_of_modules.run(out, tree)
    out.print(table_of_figures(figures))
    if keep:
        numbers.keep(result_of("coupling", tree, figures=figures))


def result_of(kind, tree, **measured):
    """The Result of a command for one step; measured has what belongs to the step, by field."""
    return Result(
        kind=kind,
        command=f"./lab {kind} {tree.slug[:2]} --keep",
        machine=machine(),
        files={tree.slug: digest(tree)},
        **{name: {tree.slug: value} for name, value in measured.items()},
    )


@click.command("break")
@step_argument
@keep_option
@click.option(
    "--under-load",
    is_flag=True,
    help="Load the step, make every kind of trouble at once, and audit it.",
)
@click.option(
    "--repeat",
    default=1,
    show_default=True,
    type=click.IntRange(1, 1000),
    help="How often, with --under-load; each takes about a minute.",
)
@click.option(
    "--seed",
    default=1,
    show_default=True,
    help="The number from which load and trouble are made, with --under-load.",
)
def break_(step, keep, under_load, repeat, seed):
    """Stop each component in turn, and show what still works.

    Works means that a customer can do it while the component is stopped; later, that it happens
    when the component runs again.

    With --under-load: kills, stopped instances, a dark database, poison messages and odd recipients
    while visitors book; docs/load.md. The exit code is 1 if a promise was broken."""
    tree = tree_of(step)
    until_interrupted()
    if under_load:
        sys.exit(0 if show_drill(out, Drill(tree, repeat, seed=seed, log=say)) else 1)
    outcomes = outages.run(out, tree)
    if keep:
        numbers.keep(result_of("break", tree, drills=outcomes))


@click.command()
@click.argument("names", nargs=-1, metavar="[NAME]...")
def mutants(names):
    """Check that the tests find deliberate errors.

    Each patch of tests/mutants is applied to a copy of this checkout, one at a time, and a test
    must fail. NAME is a patch without its ending; without a NAME all are used. Takes some
    minutes."""
    sys.exit(0 if mutating.run(out, names, say) else 1)
