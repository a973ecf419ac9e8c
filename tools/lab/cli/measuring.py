"""The commands that measure a step."""

import sys

import click

from tools.lab.cli.options import keep_option, step_argument, tree_of
from tools.lab.cli.terminal import out, say
from tools.lab.experiment.origin import digest, machine
from tools.lab.experiment.result import Result
from tools.lab.measure import bench as benchmark
from tools.lab.measure import coupling as coupling_of_modules
from tools.lab.report.terminal import table_of_figures
from tools.lab.steps import mutants as mutating
from tools.lab.steps import numbers


@click.command()
@step_argument
@keep_option
def bench(step, keep):
    """Measure speed, memory and start of a step, as ratios.

    Reads are compared with a bare route, holds and bookings with a bare insert. Takes some minutes,
    and at step 11 more than ten, with the backfill."""
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


@click.command()
@click.argument("names", nargs=-1, metavar="[NAME]...")
def mutants(names):
    """Check that the tests find deliberate errors.

    Each patch of tests/mutants is applied to a copy of this checkout, one at a time, and a test
    must fail. NAME is a patch without its ending; without a NAME all are used. Takes some
    minutes."""
    sys.exit(0 if mutating.run(out, names, say) else 1)
