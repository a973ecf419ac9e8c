"""One run of an experiment: it starts a step, warms it, loads it, breaks it, lets it settle, audits
it and stops it."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import NamedTuple

from tools.lab.experiment import samples
from tools.lab.experiment.prepared import Prepared as Prepared
from tools.lab.experiment.result import Run
from tools.lab.experiment.window import Occurrence, Timeline, Window
from tools.lab.measure.load import Load
from tools.lab.measure.load_figures import figures, why_void
from tools.lab.measure.reconcile import reconcile


class Fault(NamedTuple):
    """What is broken during a run, and how it is repaired; both are called with the system."""

    name: str
    after: float  # seconds from the beginning of the load
    lasts: float  # seconds
    begin: Callable
    end: Callable


class Plan(NamedTuple):
    """Data, workload and faults: the same for every step of an experiment."""

    events: int = 200
    accounts: int = 100
    rate: float = 60.0  # requests a second
    warm: float = 5.0  # seconds
    seconds: float = 20.0
    visitors: int = 50  # they sign in before the load begins
    seed: int = 1
    scale: tuple = ()  # (process, instances) pairs
    faults: tuple = ()
    proxied: bool = False  # with a fault proxy between any two processes


def silent(line):
    """What a run says goes nowhere."""


def run(prepared, plan, block=0, attempt=1):
    """The Run of a fresh start: load, audit, stop."""
    with prepared.start() as system:
        load = visitors(system, plan, prepared.log)
        run = measure(system, plan, block, attempt, load=load)
        run.figures["start"] = system.ready_after
        settle(system, load, run)
        prepared.keep_logs(system, run)
    return run


def visitors(system, plan, log=silent):
    """A Load whose visitors are signed in; it can be used for several measurements."""
    return Load(system.to_run(), accounts=plan.visitors, seed=plan.seed, log=log)


def measure(system, plan, block=0, attempt=1, *, load=None):
    """The Run of a load on a system that runs, before anything has settled. All runs of an
    attempt at a block have the same requests at the same times; another attempt has others."""
    load = load or visitors(system, plan)
    end = plan.warm + plan.seconds
    window = Window(system, plan.warm, end)
    faults = [Occurrence(fault, system, load.log) for fault in plan.faults]
    run = Run(system.tree.slug, block, f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}")
    with Timeline([window, *faults]) as timeline:
        measured = load.send(
            plan.rate,
            plan.seconds,
            warm=plan.warm,
            seed=f"{plan.seed} {block} {attempt}",
            begin=timeline.start,
        )
    fill(run, measured, window, plan)
    run.faults = [fault.noted for fault in faults]
    return run


def fill(run, measured, window, plan):
    """Put into a run what its generator and its window have measured."""
    end = plan.warm + plan.seconds
    results = samples.of_window(measured["results"], plan.warm)
    count = max(1, samples.answered(measured["results"], plan.warm, end))
    run.latencies = samples.latencies(results)
    run.outcomes = samples.outcomes(results)
    run.seconds = samples.by_second(measured["results"], round(end))
    # All processes count, also the lab's mail catcher and payment sandbox: a step that asks them
    # more often is not cheaper for it.
    # With a fault, processes may begin anew, and their counters with them.
    run.by_process = {
        "cpu": {name: each / count for name, each in window.cpu.items() if not plan.faults},
        "memory": window.memory,
    }
    run.figures = {
        **{name: sum(each.values()) for name, each in run.by_process.items() if each},
        **samples.percentiles(run.latencies),
    }
    found = figures(measured, warm=plan.warm, seconds=plan.seconds)
    run.generator = {"cpu_ms": measured["cpu_ms"], "lag_p99_ms": found["lag_p99_ms"]}
    # a run with a fault counts failures, which a late generator does not change
    run.void = "" if plan.faults else why_void(found)


def settle(system, load, run):
    """Wait until everything has settled, and put into a run which promises were broken."""
    from tools.lab.experiment.history import histories

    settings = system.to_run()
    verdict = load.settle(heal=lambda: reconcile(system.tree, settings))
    run.broken = {promise: found for promise, found in verdict.left.items() if found}
    run.healed = verdict.healed
    run.history = histories(settings, run.broken)
