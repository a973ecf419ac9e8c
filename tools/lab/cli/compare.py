"""`./lab compare`: two or more steps under the same load."""

import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import click

from tools.lab.cli.options import checkout, json_option, tree_of
from tools.lab.cli.progress import minutes, shown
from tools.lab.cli.terminal import Interrupted, out, until_interrupted
from tools.lab.experiment import comparison
from tools.lab.experiment.figures import HIGHEST_RATE
from tools.lab.experiment.journal import Journal, newest
from tools.lab.experiment.origin import digest, machine
from tools.lab.experiment.result import Result
from tools.lab.experiment.settings import Settings
from tools.lab.experiment.verdicts import verdicts
from tools.lab.ground.browser import find_browser
from tools.lab.ground.failed import Failed
from tools.lab.ground.tree import HERE
from tools.lab.report import compare as report
from tools.lab.steps import chain as chains
from tools.lab.steps import facts, numbers

FOLDER = HERE.home / ".lab" / "compare"
NEWEST = "the newest"
WITH_PROXIES = "+proxy"


@click.command()
@click.argument("steps", nargs=-1, metavar="A B [...]")
@click.option(
    "--quick",
    is_flag=True,
    default=None,
    help="Fewer and shorter runs: about 4 minutes for two steps.",
)
@click.option(
    "--blocks",
    type=click.IntRange(1, 200),
    help="How many runs of each; default 10, or 8 with --quick.",
)
@click.option("--rate", type=click.FloatRange(1, 2000), help="Requests a second; default 60.")
@click.option(
    "--seconds",
    type=click.FloatRange(1, 3600),
    help="How long each run measures; default 20, or 6 with --quick.",
)
@click.option("--seed", type=int, help="The number that decides workload and order; default 1.")
@click.option(
    "--find-rate", is_flag=True, default=None, help="Search for the highest rate that each holds."
)
@click.option("--all", "every", is_flag=True, help="Compare all steps.")
@click.option(
    "--keep",
    is_flag=True,
    help="Write the result into the documents; with --all, or with one step against itself.",
)
@click.option(
    "--resume",
    is_flag=False,
    flag_value=NEWEST,
    metavar="[NAME]",
    help="Go on with an interrupted comparison: the newest one, or NAME.",
)
@json_option
@click.option("--html", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE")
@click.option("--open", "opening", is_flag=True, help="Open the report in a browser.")
def compare(steps, every, keep, resume, path, html, opening, **given):
    """Compare what steps cost and what they buy, under load.

    A and B are steps, or folders of checkouts, written with a slash: ./my-change. The same step
    twice shows how much noise there is; 07+proxy is step 07 with a fault proxy between any two
    processes, which does nothing. Runs are made in pairs, each from a fresh start. It ends with a
    table and a report with charts: docs/compare.md.

    The exit code is 1 if a run broke a promise."""
    if every:
        steps = tuple(step.slug for step in chains.read().steps)
    given = {
        name: value for name, value in {**given, "steps": steps, "every": every}.items() if value
    }
    journal, settings, trees = (
        begun(given, keep) if resume is None else resumed(resume, given, keep)
    )
    until_interrupted()
    carry_out(journal, settings, trees)
    result = result_of(journal, settings, trees)
    report.show(out, result)
    written(result, journal, path, html, opening)
    is_broken = comparison.is_broken(result.runs)
    if keep and not is_broken:
        numbers.keep(result)
    sys.exit(int(is_broken))


def begun(given, keep):
    """A new (Journal, Settings, {name: tree}); Failed if the settings make no sense."""
    settings = Settings.of(**given)
    trees = sides(settings.steps)
    check_keep(keep, settings, trees)
    name = "-".join([f"{datetime.now(UTC):%Y%m%d-%H%M%S}", *map(report.short, trees)][:3])
    journal = Journal(FOLDER / "".join(letter for letter in name if letter not in " ()"))
    journal.begin(plan_of(settings, trees))
    return journal, settings, trees


def resumed(name, given, keep):
    """The same of a comparison that was interrupted."""
    journal = newest(FOLDER) if name == NEWEST else Journal(FOLDER / name)
    if journal is None or not journal.kept("plan"):
        raise Failed(f"there is no comparison to resume in {os.path.relpath(FOLDER)}", 2)
    begun_with = journal.kept("plan")["settings"]
    known = {name: value for name, value in begun_with.items() if name in Settings._fields}
    settings = Settings(**{**known, **given})
    trees = sides(settings.steps)
    check_keep(keep, settings, trees)
    journal.check(plan_of(settings, trees))
    return journal, settings, trees


def check_keep(keep, settings, trees):
    """Failed if the documents have no place for what shall be kept."""
    is_one_step = len({tree.slug for tree in trees.values()}) == 1
    if keep and not (settings.every or is_one_step):
        raise Failed("--keep needs --all, or one step against itself", 2)


def sides(words):
    """{name: tree} of what is compared, under the slug of each; a second one of a slug is
    numbered."""
    if len(words) < 2:
        raise Failed("name two steps, such as: ./lab compare 00 07", 2)
    trees = {}
    for word in words:
        tree, name = side(word)
        same = sum(each.split(" (")[0] == tree.slug for each in trees)
        trees[name if name not in trees else f"{tree.slug} ({same + 1})"] = tree
    return trees


def side(word):
    """(tree, name) of one word."""
    if word.endswith(WITH_PROXIES):
        tree = tree_of(word.removesuffix(WITH_PROXIES))
        return tree, f"{tree.slug} {comparison.PROXIED}"
    if "/" in word:
        tree = checkout(word)
        return tree, f"{tree.slug} ({tree.path.name})"
    tree = tree_of(word)
    return tree, tree.slug


def plan_of(settings, trees):
    """What has to be the same when a comparison is resumed."""
    return {
        "files": {name: digest(tree) for name, tree in trees.items()},
        "settings": settings._asdict(),
    }


def carry_out(journal, settings, trees):
    """Make the runs that the journal lacks, and say beforehand how long it takes."""
    if not (lacking := comparison.lacking(journal, settings, trees)):
        return
    expected = settings.seconds_of(lacking, trees)
    out.print(
        f"{settings.blocks} blocks of {len(trees)} runs, {lacking} runs to make: "
        f"{minutes(expected)}. Do nothing else on this machine meanwhile.",
    )
    if settings.find_rate:
        out.print("Then the highest rate of each is searched for: about 2 min for each search.")
    if advice := settings.advice():
        warn(advice)
    try:
        with shown(out, lacking, settings.seconds_of_run()) as watch:
            comparison.carry_out(journal, settings, trees, watch)
    except (Interrupted, KeyboardInterrupt):
        kept = len(journal.runs())
        warn(f"{kept} runs are kept; go on with ./lab compare --resume {journal.name}")
        raise


def warn(line):
    out.print(line, style="yellow", markup=False, soft_wrap=True)


def result_of(journal, settings, trees):
    """The Result of what a journal has; without verdicts if a promise was broken."""
    chain = chains.read()
    result = Result(
        "compare",
        settings.command(),
        machine(),
        settings=settings._asdict(),
        files={name: digest(tree) for name, tree in trees.items()},
        budgets=journal.kept("budgets") or {},
        runs=journal.runs(),
        figures={
            name: {HIGHEST_RATE: values} for name, values in comparison.rates(journal).items()
        },
        facts={name: facts.facts(tree, chain) for name, tree in trees.items()},
        drills={name: facts.drills(tree) for name, tree in trees.items()},
    )
    if not comparison.is_broken(result.runs):
        result.verdicts = verdicts(result)
    return result


def written(result, journal, path, html, opening):
    """Write the result as JSON and as a report, and open that if it is wanted."""
    from tools.lab.report import html as page  # the drawing engine takes a while to import

    for target in filter(None, (journal.folder / "result.json", path)):
        result.write(target)
    html = html or journal.folder / "report.html"
    page.write(result, html)
    out.print(f"Report: {os.path.relpath(html)}", markup=False, soft_wrap=True)
    logs = journal.folder / comparison.LOGS
    if logs.exists():
        line = f"Logs of the run that broke a promise: {os.path.relpath(logs)}"
        out.print(line, markup=False, soft_wrap=True)
    browser = find_browser()
    if opening and browser and any(map(os.environ.get, ("DISPLAY", "WAYLAND_DISPLAY"))):
        subprocess.Popen([browser, str(html)], start_new_session=True)
    elif opening:
        warn("There is no browser, or no display for it.")
