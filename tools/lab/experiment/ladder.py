"""The highest rate that a system holds: short loads, each at another rate, which end in held,
overloaded or void."""

from dataclasses import dataclass

from tools.lab.experiment import samples
from tools.lab.experiment.figures import HIGHEST_RATE
from tools.lab.experiment.result import Run
from tools.lab.experiment.run import settle, visitors
from tools.lab.measure.load_figures import MOST_PROBE_LAG, figures, is_held, why_void

WARM = 2.0  # seconds
SECONDS = 8.0
PROBES = 8
VOID_PROBES = 4  # how often a probe is made again because it was void
HELD, OVERLOADED, VOID = "held", "overloaded", "void"
OF_A_PROBE = ("in_time", "errors", "throughput", "lag_p99_ms", "cpu")


@dataclass
class Ladder:
    """A search for the highest rate: the highest held, the lowest that was not or None, what the
    limit was, the probes, and a Run with what the audit found afterwards."""

    held: float
    not_held: float | None
    limit: str
    probes: list
    run: Run

    @property
    def figures(self):
        """What a Result has of it as figures of the step: nothing where a promise was broken."""
        return {} if self.run.broken else {HIGHEST_RATE: [self.held]}

    @property
    def facts(self):
        """What a Result has of it as facts of the step."""
        return {"limit": self.limit, "probes": self.probes}


def highest_rate(prepared, plan):
    """The Ladder of a fresh start of a step, searched from the plan's rate on."""
    with prepared.start() as system:
        ladder = search(system, visitors(system, plan, prepared.log), plan.rate)
        prepared.keep_logs(system, ladder.run)
    return ladder


def search(system, load, rate):
    """The Ladder of a system that runs."""
    probes = []

    def probe(rate):
        # a late generator makes a rate look worse, never better: a rate that was held is certain
        for _ in range(VOID_PROBES):
            probes.append(one(load, rate))
            if probes[-1]["verdict"] != VOID:
                break
        return probes[-1]["verdict"] == HELD

    held, failed = find_rate(probe, rate)
    run = Run(system.tree.slug)
    settle(system, load, run)
    return Ladder(held, failed, limit_of(probes, failed), probes, run)


def one(load, rate):
    """The figures of a probe, with its verdict, and the reason if it is void."""
    measured = load.send(rate, SECONDS, warm=WARM, give_up=True)
    found = figures(measured, warm=WARM, seconds=SECONDS)
    why = why_void(found, MOST_PROBE_LAG)
    verdict = HELD if is_held(found, rate) else VOID if why else OVERLOADED
    load.log(f"{rate:g} requests a second: {verdict}")
    took = samples.percentiles(samples.latencies(samples.of_window(measured["results"], WARM)))
    return {
        "rate": rate,
        **{name: found[name] for name in OF_A_PROBE},
        "operations": {
            group: {f"p{share}": took.get(f"{group} p{share}") for share in samples.SHARES}
            for group in samples.GROUPS
        },
        "verdict": verdict,
        "why": why if verdict == VOID else "",
    }


def limit_of(probes, failed):
    if any(each["rate"] == failed and each["verdict"] == OVERLOADED for each in probes):
        return "the system"
    return "the generator" if failed else "the number of probes"


def find_rate(probe, rate):
    """(the highest rate found held, the lowest found not held or None), within PROBES calls of
    probe(rate): it doubles the rate, then bisects."""
    held = 0
    failed = None
    for _ in range(PROBES):
        if probe(rate):
            held = rate
        else:
            failed = rate
        rate = held * 2 if failed is None else round((held + failed) / 2)
        if failed is not None and failed - held <= max(1, held / 20):
            break
    return held, failed
