"""Deliberate faults: each is a patch below tests/mutants, put into a copy of this checkout, and its
tests must notice it.

Those in the folder itself are for the journeys; those in a folder of it for the tests of what is
extracted under that name."""

import os
import re
import shutil
import subprocess
import sys
import time
from contextlib import contextmanager

from rich.table import Column, Table

from tools.lab.ground.failed import Failed
from tools.lab.ground.tree import HERE
from tools.lab.steps import git
from tools.lab.system.state import temporary_state

FOLDER = HERE.path / "tests" / "mutants"
FIRST_FAILURE = re.compile(r"^(?:FAILED|ERROR) (\S+)", re.MULTILINE)
GREEN, RED = 0, 1  # pytest's exit codes


def patches(names):
    """The patches of these names, or all of them, in order."""
    known = {path.stem: path for path in sorted(FOLDER.rglob("*.patch"))}
    if unknown := set(names) - known.keys():
        raise Failed(
            f"there is no mutant {', '.join(sorted(unknown))}; there are: {', '.join(known)}", 2
        )
    return [known[name] for name in names or known]


def tests_of(patch):
    return "tests/journeys" if patch.parent == FOLDER else f"tests/extracted/{patch.parent.name}"


def run(out, names, say):
    """Print which test catches each mutant; whether all were caught."""
    chosen, table, survived = (
        patches(names),
        Table("mutant", Column("caught by", overflow="fold"), "s", box=None),
        0,
    )
    for tests in dict.fromkeys(map(tests_of, chosen)):
        say(f"running {tests} without any fault")
        with copied() as path:
            code, first, _ = ended(path, tests)
        if code != GREEN:
            raise Failed(
                f"{tests} fail without any fault ({first or code}), so nothing can be said of "
                "the mutants"
            )
    for patch in chosen:
        say(f"running {tests_of(patch)} with {patch.stem}")
        with copied() as path:
            apply(patch, path)
            code, first, seconds = ended(path, tests_of(patch))
        if code not in (GREEN, RED):
            raise Failed(
                f"{tests_of(patch)} could not be run with {patch.stem}: pytest's exit code {code}"
            )
        survived += code == GREEN
        table.add_row(patch.stem, first if code == RED else "[red]SURVIVED[/]", f"{seconds:.0f}")
    out.print(table)
    return survived == 0


@contextmanager
def copied():
    """A copy of what git would have of this checkout, gone afterwards."""
    with temporary_state(HERE) as path:
        for name in git.ask("ls-files", "-co", "-z", "--exclude-standard", cwd=HERE.path).split(
            "\0"
        ):
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
        raise Failed(f"{patch.stem} does not apply to this step: {done.stdout.strip()}")


def ended(path, tests):
    """(pytest's exit code, the first test that failed, seconds) of some tests in a checkout."""
    began = time.monotonic()
    command = [sys.executable, "-m", "pytest", "-q", "-x", tests]
    inherited = {
        name: value for name, value in os.environ.items() if name not in ("BASE_URL", "LESSON_OUT")
    }
    done = subprocess.run(
        command,
        cwd=path,
        env={**inherited, "PYTHONPATH": str(path)},
        capture_output=True,
        text=True,
    )
    first = FIRST_FAILURE.search(done.stdout)
    return done.returncode, first and first[1].removeprefix(f"{tests}/"), time.monotonic() - began
