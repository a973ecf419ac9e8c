"""`./lab load`: load on a step, its audit, and its results."""

import json
import os
import sys
from pathlib import Path

import click

from tools.lab.cli.options import events_option, keep_option, scale_option, step_argument, tree_of
from tools.lab.cli.terminal import out, until_interrupted
from tools.lab.experiment.origin import digest, machine
from tools.lab.experiment.result import Result
from tools.lab.ground.failed import Failed
from tools.lab.measure.load import WARM, Load, search, system_to_load
from tools.lab.measure.load_figures import why_void
from tools.lab.measure.reconcile import reconcile
from tools.lab.report.terminal import print_result
from tools.lab.steps import numbers

VOID = 3  # exit code
SETTINGS = ("THREADS",)  # of the system; if the environment sets one, the figures name it


@click.command()
@step_argument
@click.option(
    "--rate",
    default=20.0,
    show_default=True,
    type=click.FloatRange(1, 2000),
    help="Requests a second; with --find-rate, the first rate of the search.",
)
@click.option(
    "--seconds",
    default=30.0,
    show_default=True,
    type=click.FloatRange(1, 3600),
    help="How long to measure, after 5 s to warm up.",
)
@click.option(
    "--seed", default=1, show_default=True, help="The number from which the workload is made."
)
@click.option(
    "--find-rate",
    is_flag=True,
    help="Search for the highest rate that the step holds: at most 8 probes of 8 s.",
)
@click.option(
    "--kill", metavar="NAME", help="Kill the process NAME with -9 after half of the time."
)
@click.option(
    "--restart",
    metavar="NAME",
    help="Restart every instance of NAME, one after the other, after half of the time.",
)
@click.option(
    "--json",
    "path",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the machine, the options, the figures and the audit to this file.",
)
@keep_option
@click.option(
    "--accounts",
    default=50,
    show_default=True,
    type=click.IntRange(2, 10_000),
    help="How many visitors sign in before the run.",
)
@scale_option
@events_option
def load(step, find_rate, **options):
    """Load a step at a fixed rate, and audit its promises.

    Inside `./lab run -- ./lab load` it loads that system; otherwise it starts a new one and stops
    it afterwards. The exit code is 1 if a promise was broken, and 3 if the run is void because the
    generator itself was too slow: docs/load.md."""
    tree = tree_of(step)
    until_interrupted()
    sys.exit(run(out, tree, searching=find_rate, **options))


def run(
    out,
    tree,
    *,
    rate,
    seconds,
    seed,
    accounts,
    searching,
    keep,
    path,
    events,
    scale,
    kill=None,
    restart=None,
    warm=WARM,
):
    """Load a system of a tree, audit it, print the result, and write it to path and the figures to
    the step's page if that is requested.

    The exit code is 0, 1 after a violation, or VOID."""

    def log(line):
        out.print(f"{line} ...", style="dim", highlight=False)

    faults = [(verb, name) for verb, name in {"kill": kill, "restart": restart}.items() if name]
    with system_to_load(tree, log, scale=scale, seed=(events, 100)) as system_settings:
        load = Load(system_settings, accounts=accounts, seed=seed, log=log)
        timers = [load.disturb(*fault, after=warm + seconds / 2) for fault in faults]
        measured = search(load, rate) if searching else load.measure(rate, seconds, warm=warm)
        for timer in timers:
            timer.join()
        if load.refused:  # there was no fault, so there is no figure of it
            load.connections.close()
            raise Failed(load.refused[0], 2)
        verdict = load.settle(heal=lambda: reconcile(tree, system_settings))
    # a run with a fault counts failures: a late generator does not change them
    void = why_void(measured) if not searching and not faults else ""
    broken = {promise: len(found) for promise, found in verdict.left.items() if found}
    options = {
        "rate": rate,
        "seconds": seconds,
        "seed": seed,
        "accounts": accounts,
        "events": events,
        "scale": scale,
        "find_rate": searching,
    }
    result = {
        "step": tree.slug,
        "files": digest(tree),
        "machine": machine(),
        "options": options,
        "audit": verdict.left,
        "seen_at_once": verdict.seen,
        "healed": verdict.healed,
        "void": void,
        "figures": None if void or broken and not faults else {**measured, "broken": broken},
    }
    if path:
        path.write_text(json.dumps(result, indent=1) + "\n")
    if keep and result["figures"]:
        command = command_of(tree.slug, searching, faults, scale)
        numbers.keep(result_of(tree.slug, command, result, searching))
    print_result(out, result, load.ledger)
    return 1 if broken else VOID if void else 0


def result_of(slug, command, measured, searching):
    """The Result of a run or of a search."""
    figures = measured["figures"]
    if searching:
        kept = {"requests a second held": [figures["held"]]}
    else:
        kept = {
            f"{name}, {share} ms": [each[share]]
            for name, each in figures["operations"].items()
            for share in ("p50", "p95")
            if each["count"]
        }
    return Result(
        kind="rate" if searching else "load",
        command=command,
        machine=measured["machine"],
        settings=measured["options"],
        files={slug: measured["files"]},
        figures={slug: kept},
    )


def command_of(slug, searching, faults, scale):
    """The command that the figures of a run are kept under."""
    words = [f"{name}={os.environ[name]}" for name in SETTINGS if name in os.environ]
    words.append(f"./lab load {slug[:2]} --keep")
    words += ["--find-rate"] * searching
    words += [f"--{verb} {name}" for verb, name in faults]
    words += [f"--scale {name}={count}" for name, count in scale.items()]
    return " ".join(words)
