"""The commands that measure a step or break it."""

import sys

import click

from tools.lab.cli.options import keep_option, step_argument, tree_of
from tools.lab.cli.terminal import out, say, until_interrupted
from tools.lab.measure import bench as benchmark
from tools.lab.measure import coupling as entanglement
from tools.lab.measure import outages
from tools.lab.report import store
from tools.lab.steps import mutants as mutating


@click.command()
@step_argument
@keep_option
def bench(step, keep):
    """Measure a step: reads, holds and bookings as ratios, memory, start. Takes about two
    minutes."""
    tree = tree_of(step)
    figures = benchmark.run(out, tree)
    store.show(out, figures)
    if keep:
        store.keep(tree, "bench", "./lab bench --keep", figures)


@click.command()
@step_argument
@keep_option
def coupling(step, keep):
    """How far the modules of a step are entangled: imports, foreign keys, joins; and the statements
    of each request."""
    tree = tree_of(step)
    figures = entanglement.run(out, tree)
    store.show(out, figures)
    if keep:
        store.keep(tree, "coupling", "./lab coupling --keep", figures)


@click.command("break")
@step_argument
@keep_option
def break_(step, keep):
    """Stop each component of a step in turn: what a customer can still do, and what is made up for
    later."""
    tree = tree_of(step)
    until_interrupted()
    figures = outages.run(out, tree)
    if keep:
        store.keep(tree, "outages", "./lab break --keep", figures)


@click.command()
@click.argument("names", nargs=-1, metavar="[NAME]...")
def mutants(names):
    """Put deliberate faults into a copy of this checkout, one at a time, and see that its tests
    fail. Some minutes.

    The faults are the patches of tests/mutants; NAME is one without its ending, all unless
    given."""
    sys.exit(0 if mutating.run(out, names, say) else 1)
