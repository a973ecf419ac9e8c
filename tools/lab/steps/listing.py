"""The steps as a reader sees them: a list, and each one's diff in reading order."""

import os
import subprocess
import sys
import tempfile
import textwrap
from statistics import median

from tools.lab.ground.tree import HERE, TOOLING, lesson_of
from tools.lab.report import store
from tools.lab.steps import chain as chains
from tools.lab.steps import git, keys

READING_ORDER = [
    "tests/steps/*",
    "kit/*",
    "migrations/*",
    "*/config.py",
    *(
        f"*/{name}.py"
        for name in ("model", "store", "service", "routes", "handlers", "worker", "app")
    ),
    "monolith/*",
    "extracted/*",
    "facade/*",
    "Procfile",
    "docker-compose.yml",
    "docs/events/*",
    "tests/*",
]
NOT_SHOWN = [f":(exclude){name}" for name in TOOLING if name != "docs/"] + [
    f":(exclude,glob)docs/{name}" for name in ("*", "adr/**", "steps/**")
]
WIDTH = 80  # columns
# {name of a measurement: how it stands in the list}
NUMBERS = {
    "book, p50 ms": "a booking takes {:.0f} ms",
    "memory of the web process, MB": "web has {:.0f} MB",
}


def table(chain):
    """For each step its tag, processes, state and headline numbers in a line; below, its lesson."""
    if not chain.steps:
        return ""
    newest, listed = chains.publication(), chains.proved()
    published = {step.commit for step in chains.read(newest).steps} if newest else set()
    lines = []
    for before, step in keys.pairs(chain.steps):
        state = "unpublished"
        if step.commit in published:
            state = _proof(listed.get(step.slug), before, step)
        count = len(processes(step))
        running = f"{count} process{'es' * (count != 1)}"
        lines.append(f"{step.tag:<23} {running:<12} {state:<9} {numbers(step)}".rstrip())
        lines.append(textwrap.indent(textwrap.fill(lesson(step), WIDTH - 4), "    "))
    return "\n".join(lines)


def _proof(key, before, step):
    if key is None:
        return "unproved"
    return "proved" if key == keys.proof_key(before, step) else "stale"


def lesson(step):
    """What a step teaches, as its lesson says in its first line."""
    text = git.ask("show", f"{step.commit}:{lesson_of(step.slug)}", check=False) or ""
    return text.partition("\n")[0].strip('"').partition(": ")[2].partition(". ")[0].rstrip(".")


def processes(step):
    """The names of the processes that run all the time."""
    procfile = git.ask("show", f"{step.commit}:Procfile", check=False) or ""
    names = [line.partition(":")[0] for line in procfile.splitlines() if ":" in line]
    return [name for name in names if name.split("-")[0] not in ("release", "seed")]


def numbers(step):
    """The two headline numbers of a step, where it has been measured."""
    kept = [each for each in store.read(step.slug) if each.kind == "bench"]
    bench = kept[0].figures[step.slug] if kept else {}
    return ", ".join(
        text.format(median(bench[name])) for name, text in NUMBERS.items() if name in bench
    )


def show_diff(chain, step, *, stat):
    """Print what a step changes, in reading order, moves folded, without tooling and documents;
    paged on a terminal."""
    at = chain.at(step.slug)
    before = chain.steps[at - 1].commit if at else chain.base
    with tempfile.NamedTemporaryFile("w") as order:
        order.write("\n".join(READING_ORDER) + "\n")
        order.flush()
        words = [
            "diff",
            "-M30%",
            f"-O{order.name}",
            *(["--stat"] if stat else []),
            before,
            step.commit,
            "--",
            ".",
            *NOT_SHOWN,
        ]
        pager = ["-p"] if sys.stdout.isatty() else ["--no-pager"]
        return subprocess.run(
            [git.COMMAND[0], *pager, *git.COMMAND[1:], *words],
            cwd=HERE.path,
            env={"LESS": "FRX", **os.environ},
        ).returncode
