"""The steps as a reader sees them: a list, and each one's diff in reading order."""

import os
import subprocess
import sys
import tempfile
import textwrap

from tools.lab.ground.tree import HERE, TOOLING, lesson_of
from tools.lab.report import store
from tools.lab.report.human import number
from tools.lab.report.kept import Kept
from tools.lab.steps import chain as chains
from tools.lab.steps import git, keys, wrong_turns

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
# {figure of the comparison of all steps: how it stands in the list}
NUMBERS = {
    "cpu": "{} ms of CPU time a request",
    "book p50": "a booking in {} ms",
    "memory": "{} MB of memory",
}


def table(chain):
    """For each step its tag, processes and state; below, its lesson, its headline numbers, and the
    wrong turns beside it."""
    if not chain.steps:
        return ""
    newest, listed = chains.publication(), chains.proved()
    published = {step.commit for step in chains.read(newest).steps} if newest else set()
    kept = Kept({}, campaign=store.campaign())
    lines = []
    for before, step in keys.pairs(chain.steps):
        state = "unpublished"
        if step.commit in published:
            state = _proof(listed.get(step.slug), before, step)
        count = len(processes(step))
        running = f"{count} process{'es' * (count != 1)}"
        lines.append(f"{step.tag:<23} {running:<12} {state:<9}".rstrip())
        below = [lesson(step), numbers(step, kept)]
        below += [f"{turn.slug}: {mistake(turn)}" for turn in wrong_turns.beside(step, chain)]
        lines += [textwrap.indent(textwrap.fill(each, WIDTH - 4), "    ") for each in below if each]
    return "\n".join(lines)


def _proof(key, before, step):
    if key is None:
        return "unproved"
    return "proved" if key == keys.proof_key(before, step) else "stale"


def lesson(step):
    """What a step teaches, as its lesson says in its first line."""
    return _first_sentence(step.commit, lesson_of(step.slug))


def mistake(turn):
    """What is wrong in a wrong turn, as its test says in its first line."""
    return _first_sentence(turn.commit, wrong_turns.test_of(turn.slug))


def _first_sentence(commit, path):
    """The first sentence behind the colon in the first line of a file; empty if there is none."""
    text = git.ask("show", f"{commit}:{path}", check=False) or ""
    return text.partition("\n")[0].strip('"').partition(": ")[2].partition(". ")[0].rstrip(".")


def processes(step):
    """The names of the processes that run all the time."""
    procfile = git.ask("show", f"{step.commit}:Procfile", check=False) or ""
    names = [line.partition(":")[0] for line in procfile.splitlines() if ":" in line]
    return [name for name in names if name.split("-")[0] not in ("release", "seed")]


def numbers(step, kept):
    """The headline numbers of a step in a line, where it has been measured."""
    found = {key: kept.median(step.slug, key) for key in NUMBERS}
    return ", ".join(
        text.format(number(found[key])) for key, text in NUMBERS.items() if found[key] is not None
    )


def show_diff(chain, step, *, stat):
    """Print what a step or a wrong turn changes, in reading order, moves folded, without tooling
    and documents; paged on a terminal."""
    with tempfile.NamedTemporaryFile("w") as order:
        order.write("\n".join(READING_ORDER) + "\n")
        order.flush()
        words = [
            "diff",
            "-M30%",
            f"-O{order.name}",
            *(["--stat"] if stat else []),
            _before(step, chain),
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


def _before(step, chain):
    """The commit that a step, or a wrong turn, changes."""
    if wrong_turns.is_one(step.slug):
        return f"{step.commit}^"
    at = chain.at(step.slug)
    return chain.steps[at - 1].commit if at else chain.base
