"""`./lab migrate`: from one step to another, while visitors come."""

import sys
from dataclasses import replace
from itertools import pairwise

import click

from tools.lab.cli.options import checkout, json_option, keep_option, tree_of
from tools.lab.cli.terminal import out, say, until_interrupted
from tools.lab.experiment.deployment import legs
from tools.lab.experiment.journey import Journey, Wanted
from tools.lab.experiment.road import BACK, THERE
from tools.lab.ground.failed import Failed
from tools.lab.ground.tree import HERE
from tools.lab.report import migrate as report
from tools.lab.steps import chain as chains
from tools.lab.steps import numbers

FOLDER = HERE.home / ".lab" / "migrate"


@click.command()
@click.argument("steps", nargs=-1, metavar="A B")
@click.option(
    "--rate",
    default=20.0,
    show_default=True,
    type=click.FloatRange(1, 500),
    help="Requests a second.",
)
@click.option(
    "--pause-allowed",
    default=8.0,
    show_default=True,
    type=click.FloatRange(1, 60),
    metavar="S",
    help="Turn round if a request waits for longer.",
)
@click.option("--resume", is_flag=True, help="Go on with a move that was interrupted.")
@click.option("--back", is_flag=True, help="Go back to A, from wherever the move is.")
@click.option("--complete", is_flag=True, help="Pass the point of no return, too, if there is one.")
@click.option("--stop-the-world", is_flag=True, help="Shut the shop for the move.")
@click.option("--seed", default=1, show_default=True, help="The number that decides the workload.")
@json_option
@keep_option
def migrate(steps, resume, back, path, keep, **given):
    """Move a running shop from one step to another, under load.

    Visitors come all the time, and every answer is kept in a ledger. The roads are data:
    migrations/roads/NN-slug.toml of each later step. A stage that fails turns the move round. After
    the move the shop is loaded on for some seconds, audited, and stopped; its state is kept for
    --back. docs/migrate.md says how to read the table.

    The exit code is 1 if a promise was broken, or the move turned round."""
    if resume and back:
        raise Failed("give one of --resume and --back", 2)
    trees = trees_of(steps)
    wanted = Wanted(way=BACK if back else THERE, anew=not (resume or back), **given)
    folder = FOLDER / "-".join(tree.slug[:2] for tree in (trees[0], trees[-1]))
    journey = Journey(trees, legs(trees, completing=wanted.complete), folder, wanted, tell)
    journey.check()
    until_interrupted()
    result, is_whole = journey.carry_out(say)
    report.show(out, result)
    written(result, folder, path)
    if keep and is_whole:
        numbers.keep(of_last(result))
    sys.exit(0 if is_whole else 1)


def trees_of(words):
    """The trees of A, of the steps between, and of B; more words name each of them."""
    if len(words) < 2:
        raise Failed("name two steps, such as: ./lab migrate 06 07", 2)
    trees = [checkout(word) if "/" in word else tree_of(word) for word in words]
    if len(trees) == 2:
        slugs = [step.slug for step in chains.read().steps]
        first, last = (tree.slug for tree in trees)
        between = [slug for slug in slugs if first < slug < last]
        trees[1:1] = map(tree_of, between)
    for earlier, later in pairwise(trees):
        if not earlier.slug < later.slug:
            raise Failed("a road leads to a later step; ./lab migrate A B --back goes back", 2)
    return trees


def of_last(result):
    """A result that belongs to the step to which it leads, and to no other."""
    slug = result.runs[0].step
    command = f"{result.command} --keep"
    return replace(result, command=command, files={slug: result.files[slug]})


def written(result, folder, path):
    """Write the result as JSON and as a report."""
    from tools.lab.report import html  # the drawing engine takes a while to import

    for target in filter(None, (folder / "result.json", path)):
        result.write(target)
    html.write(result, folder / "report.html")
    out.print(f"Report: {folder / 'report.html'}", markup=False, soft_wrap=True)


def tell(line):
    out.print(line, markup=False, soft_wrap=True)
