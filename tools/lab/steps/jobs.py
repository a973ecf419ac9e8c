"""Pytest runs in worktrees of steps: two at a time, each with a record of how its tests ended."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tools.lab.ground.tree import HERE, Tree
from tools.lab.steps import git

AT_A_TIME = 2
PYTEST = [sys.executable, "-m", "pytest", "-q"]
LAST = 4000  # characters of the output of tests that fail


@dataclass
class Job:
    """Pytest with these arguments in a tree; afterwards its exit code, its output, and the ends of
    its tests as {test: [[phase, outcome, kind, [first line]], ...]}."""

    tree: Tree
    arguments: list
    code: int | None = None
    printed: str = ""
    ends: dict = field(default_factory=dict)

    @property
    def summary(self):
        """The last line of the output, such as `3 passed in 0.1s`."""
        return (self.printed.strip().splitlines() or ["no output"])[-1]

    @property
    def last(self):
        """The end of the output, which says why tests fail."""
        return self.printed[-LAST:]


def run(jobs):
    """Run all jobs, yield each when it has ended; what still runs is stopped when the caller
    fails."""
    waiting, running = list(jobs), []
    try:
        while waiting or running:
            while waiting and len(running) < AT_A_TIME:
                running.append(Running(waiting.pop(0)))
            for each in [each for each in running if each.process.poll() is not None]:
                running.remove(each)
                yield each.finish()
            time.sleep(0.02)
    finally:
        for each in running:
            each.process.terminate()
        for each in running:
            each.finish()  # its fixtures stop what they have started


class Running:
    """The process of a job."""

    def __init__(self, job):
        self.job = job
        self.folder = tempfile.TemporaryDirectory()
        self.ends = Path(self.folder.name) / "ends.json"
        self.output = Path(self.folder.name) / "output"
        self.process = start(job, self.ends, self.output)

    def finish(self):
        """Wait for the process; the job with its outcome."""
        self.job.code = self.process.wait()
        self.job.printed = self.output.read_text(errors="replace")
        self.job.ends = json.loads(self.ends.read_text()) if self.ends.exists() else {}
        self.folder.cleanup()
        return self.job


def start(job, ends, output):
    """Start pytest for a job; it writes the ends of its tests and its output to these files."""
    with output.open("w") as file:
        return subprocess.Popen(
            [*PYTEST, *job.arguments],
            cwd=job.tree.path,
            env=environment(job.tree) | {"LESSON_OUT": str(ends)},
            start_new_session=True,
            stdout=file,
            stderr=subprocess.STDOUT,
        )


def environment(tree):
    """The environment of a test run; every process in it shares one cache of compiled code."""
    inherited = {
        name: value
        for name, value in os.environ.items()
        if name not in ("PYTHONDONTWRITEBYTECODE", "BASE_URL")
    }
    cache = inherited.get("PYTHONPYCACHEPREFIX") or str(HERE.home / ".lab" / "pycache")
    return inherited | {"PYTHONPATH": str(tree.path), "PYTHONPYCACHEPREFIX": cache}


@contextmanager
def checked_out(commit, name):
    """A tree of commit in a new worktree, which is removed afterwards."""
    folder = HERE.home / ".lab" / "prove"
    folder.mkdir(parents=True, exist_ok=True)
    path = Path(tempfile.mkdtemp(dir=folder, prefix=f"{name}-"))
    try:
        git.ask("worktree", "add", "-q", "--detach", "--force", str(path), commit)
        yield Tree(path)
    finally:
        git.ask("worktree", "remove", "--force", str(path), check=False)
        shutil.rmtree(path, ignore_errors=True)
        if sys.pycache_prefix:
            shutil.rmtree(sys.pycache_prefix + str(path), ignore_errors=True)
