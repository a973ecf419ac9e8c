"""`./lab load`: load on a step, the audit of it, and what is kept of the figures."""

import json
import os
import sys
from pathlib import Path

import click

from tools.lab.cli.options import events_option, keep_option, scale_option, step_argument, tree_of
from tools.lab.cli.terminal import out, until_interrupted
from tools.lab.ground.failed import Failed
from tools.lab.measure.load import WARM, Load, search, something_to_load, why_void
from tools.lab.report import store
from tools.lab.report.terminal import say_what_came

VOID = 3  # exit code
SETTINGS = ("THREADS",)  # of the system, where the environment changes them: named with the figures


@click.command()
@step_argument
@click.option(
    "--rate",
    default=20.0,
    show_default=True,
    type=click.FloatRange(1, 2000),
    help="Requests a second; with --find-rate, where the search begins.",
)
@click.option(
    "--seconds",
    default=30.0,
    show_default=True,
    type=click.FloatRange(1, 3600),
    help="How long to measure, after 5 s to warm up.",
)
@click.option(
    "--seed", default=1, show_default=True, help="The number that decides who does what, and when."
)
@click.option(
    "--find-rate",
    is_flag=True,
    help="Search for the highest rate held instead: at most 8 probes of 8 s.",
)
@click.option(
    "--kill", metavar="NAME", help="Kill the process NAME with -9 when half of the time is over."
)
@click.option(
    "--restart",
    metavar="NAME",
    help="Restart every instance of NAME, one after the other, when half of the time is over.",
)
@click.option(
    "--json",
    "path",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the machine, the options, the figures and the audit there.",
)
@keep_option
@click.option(
    "--accounts",
    default=50,
    show_default=True,
    type=click.IntRange(2, 10_000),
    help="How many visitors are signed in before it begins.",
)
@scale_option
@events_option
def load(step, find_rate, **options):
    """Ask a step for what visitors do, at a stated rate, and audit what came of it.

    Inside `./lab run -- ./lab load` that system is loaded; else one is started afresh, and stopped.
    The exit code is 1 if a promise was broken, 3 if the run is void because the generator itself
    was too slow: docs/load.md."""
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
    """Load a system of a tree, audit it, say what came of it, write it to path as JSON, keep it for
    the step's page if that is wanted.

    The exit code is 0, 1 after a violation, or VOID."""

    def say(line):
        out.print(f"{line} ...", style="dim", highlight=False)

    faults = [(verb, name) for verb, name in {"kill": kill, "restart": restart}.items() if name]
    with something_to_load(tree, say, scale=scale, seed=(events, 100)) as running:
        load = Load(running, accounts=accounts, seed=seed, say=say)
        timers = [load.disturb(*fault, after=warm + seconds / 2) for fault in faults]
        found = search(load, rate) if searching else load.measure(rate, seconds, warm=warm)
        for timer in timers:
            timer.join()
        if load.refused:  # nothing was disturbed, so nothing can be said of it
            load.connections.close()
            raise Failed(load.refused[0], 2)
        violations = load.settle()
    # how late it was says nothing of what failed
    void = why_void(found) if not searching and not faults else ""
    broken = {
        invariant: len(violations) for invariant, violations in violations.items() if violations
    }
    result = {"step": tree.slug, "files": store.digest(tree), "machine": store.machine()}
    result |= {
        "options": {
            "rate": rate,
            "seconds": seconds,
            "seed": seed,
            "accounts": accounts,
            "events": events,
            "scale": scale,
            "find_rate": searching,
        }
    }
    result |= {
        "audit": violations,
        "void": void,
        "figures": None if void or broken and not faults else {**found, "broken": broken},
    }
    if path:
        path.write_text(json.dumps(result, indent=1) + "\n")
    if keep and result["figures"]:
        kind = "rate" if searching else "fault" if faults else "load"
        settings = [f"{name}={os.environ[name]} " for name in SETTINGS if name in os.environ]
        told = [f" --{verb} {name}" for verb, name in faults] + [
            f" --scale {name}={count}" for name, count in scale.items()
        ]
        store.keep(
            tree,
            kind,
            "".join([*settings, "./lab load --keep", " --find-rate" * searching, *told]),
            result["figures"],
        )
    say_what_came(out, result, load.ledger)
    return 1 if broken else VOID if void else 0
