"""The steps as a reader meets them: a table, and each one's diff in reading order."""

import os
import subprocess
import sys
import tempfile

from rich.table import Column, Table

from tools.lab.ground.tree import HERE, TOOLING, lesson_of
from tools.lab.report import store
from tools.lab.steps import chain as chains
from tools.lab.steps import git, proving

READING_ORDER = [
    "tests/steps/*",
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


def table(chain):
    """A row for each step: what it teaches, what it runs, whether it is published and proved, and
    its headline numbers."""
    rows = Table(
        Column("tag", no_wrap=True),
        "lesson",
        "processes",
        "published",
        "proved",
        "numbers",
        box=None,
    )
    if not chain.steps:
        return rows
    published = (
        {step.commit for step in chains.read(newest).steps}
        if (newest := chains.publication())
        else set()
    )
    listed = chains.proved()
    for before, step in proving.pairs(chain.steps):
        proof = listed.get(step.slug)
        state = (
            "" if proof is None else "yes" if proof == proving.proof_key(before, step) else "stale"
        )
        rows.add_row(
            step.tag,
            lesson(step),
            processes(step),
            "yes" if step.commit in published else "",
            state,
            store.headline(step.slug),
        )
    return rows


def lesson(step):
    """What a step teaches, as its lesson says in its first line."""
    text = git.ask("show", f"{step.commit}:{lesson_of(step.slug)}", check=False) or ""
    return text.partition("\n")[0].strip('"').partition(": ")[2].partition(". ")[0].rstrip(".")


def processes(step):
    names = [
        line.partition(":")[0]
        for line in (git.ask("show", f"{step.commit}:Procfile", check=False) or "").splitlines()
        if ":" in line
    ]
    return ", ".join(name for name in names if name.split("-")[0] not in ("release", "seed"))


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
