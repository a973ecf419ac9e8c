"""A change tried out at a step: its test fails in a worktree of the step, and passes there with its
patch."""

import shutil
from contextlib import ExitStack

from tools.lab.ground.failed import Failed
from tools.lab.steps import changes, git, jobs

TESTS = "tests/changes"
FIXTURES = "tests/journeys/conftest.py"
GREEN, RED = 0, 1  # pytest's exit codes


def run(change, step, newest, say):
    """Whether a change's test fails at a step, and passes with the patch.

    newest is the step whose fixtures of the journeys the test uses, since they are the same at
    every step that has them. Failed if the test cannot be run, or passes without the patch."""
    changes.check(change, step)
    with ExitStack() as stack:
        without, patched = (
            stack.enter_context(jobs.checked_out(step.commit, f"{step.slug[:2]}-{change.name}"))
            for _ in range(2)
        )
        git.ask("apply", str(change.patch(step.slug)), cwd=patched.path)
        for tree in (without, patched):
            _lay_test(change, newest, tree)
        before, after = jobs.Job(without, [TESTS]), jobs.Job(patched, [TESTS])
        for job in jobs.run([before, after]):
            say(f"  {'without' if job is before else 'with'} the patch: {job.summary}")
    _must_be_red(change, step, before)
    if after.code != GREEN:
        say(after.last)
    return after.code == GREEN


def _lay_test(change, newest, tree):
    folder = tree.path / TESTS
    folder.mkdir(parents=True)
    shutil.copy(change.test, folder)
    (folder / "conftest.py").write_text(git.ask("show", f"{newest.commit}:{FIXTURES}") + "\n")


def _must_be_red(change, step, job):
    """Refuse a test that fails in another way than by its assertions."""
    ends = [end[:3] for ended in job.ends.values() for end in ended]
    if job.code == GREEN:
        raise Failed(f"{step.slug} has {change.name} already: its test passes without the patch")
    if job.code != RED or any(kind not in (None, "AssertionError") for _, _, kind in ends):
        raise Failed(f"the test of {change.name} cannot be run\n{job.last}")
