"""Deliberate faults: each is a patch in tests/mutants; it is applied to a copy of this checkout,
and the tests there must fail.

A patch in the folder itself is for the journeys, one in mutants/kit for tests/kit, one in
mutants/monolith for tests/monolith, and one in another folder for the tests of the service of that
name."""

import re
import shutil
import subprocess
import time
from contextlib import contextmanager

from rich.markup import escape
from rich.table import Column, Table

from tools.lab.ground.failed import Failed
from tools.lab.ground.tree import HERE, Tree
from tools.lab.steps import git, jobs
from tools.lab.system.state import temporary_state

FOLDER = HERE.path / "tests" / "mutants"
FIRST_FAILURE = re.compile(r"^(?:FAILED|ERROR) (\S+)", re.MULTILINE)
GREEN, RED = 0, 1  # pytest's exit codes


def patches(names):
    """The patches of these names, or all of them, in order."""
    known = {name_of(path): path for path in sorted(FOLDER.rglob("*.patch"))}
    if unknown := set(names) - known.keys():
        raise Failed(
            f"there is no mutant {', '.join(sorted(unknown))}; there are: {', '.join(known)}", 2
        )
    return [known[name] for name in names or known]


def name_of(patch):
    """Its path in the folder of mutants, without the suffix."""
    return patch.relative_to(FOLDER).with_suffix("").as_posix()


def tests_of(patch):
    """The tests that must notice a fault."""
    if patch.parent == FOLDER:
        return "tests/journeys"
    name = patch.parent.name
    return f"tests/{name}" if name in ("kit", "monolith") else f"tests/extracted/{name}"


def run(out, names, say):
    """Print which test catches each mutant; whether all were caught."""
    chosen, survived = patches(names), 0
    table = Table("mutant", Column("caught by", overflow="fold"), "s", box=None)
    for tests in dict.fromkeys(map(tests_of, chosen)):
        say(f"running {tests} without any fault")
        with copied() as path:
            job, first, _ = tried(path, tests)
        if job.code != GREEN:
            raise Failed(
                f"{tests} fail without any fault ({first or job.code}), so nothing can be said of "
                f"the mutants\n{job.last}"
            )
    for patch in chosen:
        name = name_of(patch)
        say(f"running {tests_of(patch)} with {name}")
        with copied() as path:
            apply(patch, path)
            job, first, seconds = tried(path, tests_of(patch))
        if job.code not in (GREEN, RED):
            raise Failed(
                f"{tests_of(patch)} could not be run with {name}: pytest's exit code {job.code}\n"
                f"{job.last}"
            )
        survived += job.code == GREEN
        caught_by = escape(first or "") if job.code == RED else "[red]SURVIVED[/]"
        table.add_row(name, caught_by, f"{seconds:.0f}")
    out.print(table)
    return survived == 0


@contextmanager
def copied():
    """A copy of the files that git knows or would add, removed afterwards."""
    with temporary_state(HERE) as path:
        names = git.ask("ls-files", "-co", "-z", "--exclude-standard", cwd=HERE.path)
        for name in names.split("\0"):
            if name and (HERE.path / name).is_file():
                (path / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(HERE.path / name, path / name)
        yield path


def apply(patch, path):
    done = subprocess.run(
        ["patch", "-p1", "--silent", "--forward", "-i", str(patch)],
        cwd=path,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise Failed(f"{name_of(patch)} does not apply to this step: {done.stdout.strip()}")


def tried(path, tests):
    """(the job that has ended, the first test that failed, seconds) of some tests in a checkout."""
    began = time.monotonic()
    [job] = jobs.run([jobs.Job(Tree(path), ["-x", tests])])
    first = FIRST_FAILURE.search(job.printed)
    return job, first and first[1].removeprefix(f"{tests}/"), time.monotonic() - began
