"""Results as experiments make them, with numbers from a seed."""

from dataclasses import replace
from random import Random

from tools.lab.experiment.result import Result, Run
from tools.lab.experiment.verdicts import verdicts

A, B = "00-monolith", "07-notifications"
CPU = {  # milliseconds of a request
    A: {"web": 3.3, "postgres": 0.72, "payments-sandbox": 0.11, "mail": 0.07},
    B: {
        "web": 4.15,
        "postgres": 1.31,
        "facade": 0.94,
        "kafka": 0.86,
        "worker": 0.71,
        "relay": 0.45,
        "notifications-worker": 0.31,
        "postgres-notifications": 0.22,
        "payments-sandbox": 0.11,
        "mail": 0.06,
    },
}
MEMORY = {  # MB
    A: {"web": 121, "postgres": 88, "payments-sandbox": 31, "mail": 27},
    B: {
        "kafka": 402,
        "web": 176,
        "postgres": 93,
        "worker": 62,
        "relay": 51,
        "facade": 48,
        "notifications-worker": 58,
        "postgres-notifications": 47,
        "payments-sandbox": 31,
        "mail": 27,
    },
}
LATENCY = {  # milliseconds, and requests of a run
    "browse": ({A: 3.1, B: 4.4}, 520),
    "seats": ({A: 4.0, B: 5.3}, 260),
    "hold": ({A: 6.2, B: 9.8}, 210),
    "book": ({A: 41.0, B: 17.5}, 150),
    "register": ({A: 61.0, B: 58.0}, 20),
}
JOURNEYS = ("browse", "seats", "register", "sign in", "hold", "book", "cancel", "welcome mail")
FACTS = {
    A: {"processes": 1, "imports": 7, "keys": 7, "joins": 3, "largest": 2300, "removed": 0},
    B: {"processes": 6, "imports": 0, "keys": 0, "joins": 0, "largest": 2610, "removed": 431},
}
DRILLS = {  # {name: (title, component, {step: {journey: how, if it does not simply work}})}
    "control": ("Nothing is broken", "", {A: {}, B: {}}),
    "mail-down": (
        "The mail server is stopped",
        "mail",
        {
            A: {"register": "fails", "book": "fails", "welcome mail": "fails"},
            B: {"welcome mail": "later"},
        },
    ),
    "stop-web": (
        "web is stopped",
        "web",
        {A: dict.fromkeys(JOURNEYS, "fails"), B: dict.fromkeys(JOURNEYS, "fails")},
    ),
    "stop-relay": ("relay is stopped", "relay", {B: {"welcome mail": "later"}}),
    "kill-web": (
        "An instance of web is killed with -9",
        "",
        {A: dict.fromkeys(JOURNEYS, "fails"), B: {}},
    ),
}


def compared(blocks=10, seed=1, steps=(A, B)):
    """A comparison of two steps, with runs, facts, drills and verdicts."""
    random = Random(seed)
    result = Result(
        "compare",
        f"./lab compare {' '.join(step[:2] for step in steps)} --blocks {blocks}",
        "2 cores (a processor), Linux x86_64, Python 3.11.7",
        settings={
            "rate": 60,
            "seconds": 20,
            "warm": 5,
            "events": 200,
            "accounts": 100,
            "seed": seed,
        },
        files={step: f"digest of {step}" for step in steps},
        budgets={step: budget(step) for step in steps},
        runs=[run_of(step, block, random) for block in range(blocks) for step in steps],
        facts={step: FACTS[step] for step in steps},
        drills={step: drills_of(step, random) for step in steps},
    )
    return replace(result, verdicts=verdicts(result))


def budget(step):
    return {
        "cores": "2",
        "processes": ", ".join(CPU[step]),
        "threads of web": "8",
        "PostgreSQL of monolith": "shared_buffers 128MB, work_mem 4MB, fsync on",
        **({"heap of kafka": "512m"} if step == B else {}),
    }


def run_of(step, block, random):
    mood = random.gauss(1, 0.02)
    cpu = {name: value * mood * random.gauss(1, 0.03) for name, value in CPU[step].items()}
    memory = {name: value * random.gauss(1, 0.01) for name, value in MEMORY[step].items()}
    latencies = {
        name: [round(typical[step] * mood * random.lognormvariate(0, 0.5), 1) for _ in range(count)]
        for name, (typical, count) in LATENCY.items()
    }
    reads = sorted(latencies["browse"] + latencies["seats"])
    timed = {"browse": reads, "hold": sorted(latencies["hold"]), "book": sorted(latencies["book"])}
    return Run(
        step,
        block,
        f"2026-11-27T09:{5 + block:02}:00Z",
        figures={
            "cpu": sum(cpu.values()),
            "memory": sum(memory.values()),
            **{f"{name} p50": took[len(took) // 2] for name, took in timed.items()},
            **{f"{name} p95": took[len(took) * 95 // 100] for name, took in timed.items()},
            "start": (1.9 if step == A else 6.4) * random.gauss(1, 0.05),
        },
        by_process={"cpu": cpu, "memory": memory},
        latencies=latencies,
        seconds=[{"good": 60, "failed": 0, "p50": reads[len(reads) // 2]}] * 20,
        outcomes={f"{name} 200": len(took) for name, took in latencies.items()}
        | {"hold 409 seat-taken": random.randint(1, 9)},
        generator={"cpu_ms": random.gauss(0.27, 0.01), "lag_p99_ms": random.uniform(0.4, 1.5)},
    )


def drills_of(step, random):
    return {
        name: drill(step, title, component, ended[step], random)
        for name, (title, component, ended) in DRILLS.items()
        if step in ended
    }


def drill(step, title, component, ended, random):
    found = {journey: ended.get(journey, "works") for journey in JOURNEYS}
    share = list(found.values()).count("fails") / len(found)
    seconds = [second_of(random, share if 4 <= each < 10 else 0) for each in range(16)]
    return {
        "title": title,
        "hypothesis": "What needs it fails, and everything else works.",
        "component": component,
        "expected": found,
        "found": found,
        "as_expected": True,
        "requests": sum(each["good"] + each["failed"] for each in seconds[4:10]),
        "failed": sum(each["failed"] for each in seconds[4:10]),
        "failed_undisturbed": 0,
        "p50": 4.2,
        "slower": 1.1,
        "well_after": round(random.uniform(0.2, 4), 2),
        "broken": {},
        "may_break": [],
        "healed": {},
        "charged": 0,
        "trouble": [],
        "faults": [[4.0, 10.0, title]],
        "seconds": seconds,
    }


def second_of(random, share):
    failed = sum(random.random() < share for _ in range(15))
    return {"good": 15 - failed, "failed": failed, "p50": 4.2}


def searched(step=A):
    """A search for the highest rate that a step holds."""
    probes = [probe(60, "held", 1), probe(240, "overloaded", 9), probe(120, "held", 1.4)]
    return Result(
        "rate",
        f"./lab load {step[:2]} --find-rate",
        "2 cores",
        files={step: "digest"},
        figures={step: {"requests a second held": [120]}},
        facts={step: {"limit": "the system", "probes": [*probes, probe(180, "void", 3)]}},
    )


def probe(rate, verdict, slower):
    times = {"browse": 3.3, "hold": 6.2, "book": 41.0}
    return {
        "rate": rate,
        "verdict": verdict,
        "operations": {
            name: {"p50": time * slower, "p95": 2.2 * time * slower} for name, time in times.items()
        },
    }


def broken(steps=(A, B)):
    """The drills of steps, as `./lab break` keeps them."""
    random = Random(1)
    return Result(
        "break",
        f"./lab break {steps[0][:2]} --all",
        "2 cores",
        files=dict.fromkeys(steps, "digest"),
        drills={step: drills_of(step, random) for step in steps},
    )


def loaded(step=A):
    """One run of a load, as `./lab load` keeps it."""
    return Result(
        "load",
        f"./lab load {step[:2]}",
        "2 cores",
        settings={"rate": 60, "seconds": 20},
        files={step: "digest"},
        budgets={step: budget(step)},
        runs=[run_of(step, 0, Random(1))],
    )
