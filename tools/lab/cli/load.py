"""`./lab load`: load on a step, its audit, and its results."""

import os
import sys
from contextlib import contextmanager

import click

from tools.lab.cli.options import (
    events_option,
    json_option,
    keep_option,
    scale_option,
    step_argument,
    tree_of,
)
from tools.lab.cli.terminal import out, until_interrupted
from tools.lab.experiment.attached import Attached
from tools.lab.experiment.ladder import search
from tools.lab.experiment.origin import digest, machine
from tools.lab.experiment.prepared import Prepared
from tools.lab.experiment.result import Result
from tools.lab.experiment.run import Fault, Plan, measure, settle, visitors
from tools.lab.ground.failed import Failed
from tools.lab.measure.load import WARM
from tools.lab.report.terminal import print_result
from tools.lab.steps import numbers
from tools.lab.system import control
from tools.lab.system.state import running

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
    help="Search for the highest rate that the step holds: at most 8 rates, 8 s each.",
)
@click.option(
    "--kill", metavar="NAME", help="Kill the process NAME with -9 after half of the time."
)
@click.option(
    "--restart",
    metavar="NAME",
    help="Restart every instance of NAME, one after the other, after half of the time.",
)
@json_option
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
def load(step, find_rate, kill, restart, path, keep, **options):
    """Load a step at a fixed rate, and audit its promises.

    Inside `./lab run -- ./lab load` it loads that system; otherwise it starts a new one and stops
    it afterwards. The exit code is 1 if a promise was broken, and 3 if the run is void because the
    generator itself was too slow: docs/load.md."""
    tree = tree_of(step)
    until_interrupted()
    faults = [(verb, name) for verb, name in {"kill": kill, "restart": restart}.items() if name]
    if find_rate and faults:
        raise Failed("--find-rate searches without faults: leave --kill and --restart out", 2)
    plan = plan_of(faults=faults, **options)
    result = run(tree, plan, searching=find_rate)
    code = exit_code(result)
    print_result(out, result)
    if path:
        result.write(path)
    if keep and (faults or not code):
        numbers.keep(result)
    sys.exit(code)


def plan_of(*, rate, seconds, seed, accounts, events, scale, faults=(), warm=WARM):
    return Plan(
        events=events,
        rate=rate,
        warm=warm,
        seconds=seconds,
        visitors=accounts,
        seed=seed,
        scale=tuple(scale.items()),
        faults=tuple(fault(*each, after=warm + seconds / 2) for each in faults),
    )


def fault(verb, name, after):
    """A process that is killed, or whose instances are restarted."""

    def begin(system):
        control.ask(running(system.state), verb, name)

    return Fault(f"{verb} {name}", after, 0.0, begin, lambda system: None)


def run(tree, plan, *, searching=False):
    """The Result of a load on a step, or of a search for its highest rate."""
    result = Result(
        kind="rate" if searching else "load",
        command=command_of(tree.slug, plan, searching),
        machine=machine(),
        settings={
            **plan._asdict(),
            "scale": dict(plan.scale),
            "faults": [each.name for each in plan.faults],
        },
        files={tree.slug: digest(tree)},
    )
    with system_to_load(tree, plan) as (system, budget):
        result.budgets[tree.slug] = budget
        load = visitors(system, plan, log)
        if searching:
            ladder = search(system, load, plan.rate)
            result.figures[tree.slug] = ladder.figures
            result.facts[tree.slug] = ladder.facts
            result.runs.append(ladder.run)
        else:
            result.runs.append(measure(system, plan, load=load))
            settle(system, load, result.runs[0])
    return result


def log(line):
    out.print(f"{line} ...", style="dim", highlight=False)


@contextmanager
def system_to_load(tree, plan):
    """The system that runs already, inside `./lab run`, or a new one; and its budget, which is not
    known of one that another lab runs."""
    if os.environ.get("BASE_URL"):
        yield Attached(tree, os.environ), {}
        return
    with Prepared(tree, plan, log) as prepared, prepared.start() as system:
        yield system, prepared.budget


def exit_code(result):
    """0, 1 after a violation, or VOID."""
    if any(run.broken for run in result.runs):
        return 1
    return VOID if any(run.void for run in result.runs) else 0


def command_of(slug, plan, searching):
    """The command that the figures of a run are kept under."""
    words = [f"{name}={os.environ[name]}" for name in SETTINGS if name in os.environ]
    words.append(f"./lab load {slug[:2]} --keep")
    words += ["--find-rate"] * searching
    words += [f"--{fault.name}" for fault in plan.faults]
    words += [f"--scale {name}={count}" for name, count in plan.scale]
    return " ".join(words)
