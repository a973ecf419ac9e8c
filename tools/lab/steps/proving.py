"""Proving a step: its tests pass; its lesson fails one step earlier, by assertions only; and the
code of the step before works on its tables."""

import json
import re
from contextlib import ExitStack, closing

from tools.lab.ground.browser import INSTALL, find_browser
from tools.lab.ground.failed import Failed
from tools.lab.ground.tree import HERE, lesson_of
from tools.lab.steps import ends, git, jobs, wrong_turns
from tools.lab.steps.keys import AT_EVERY_STEP, proof_key, unlisted

# these start whole systems and wait for them, while the others compute: they run side by side
WITH_SYSTEMS = ("extracted", "journeys", "lab", "steps")
MIGRATION_CODE = ("kit/migration.py",)  # what migrations import: a release brings its own


def bring_up_to_date(pairs, listed, prove, say):
    """{slug: key} of every step and wrong turn, after proving those that are not listed with
    today's key.

    Each proof is written down at once, so that a publication that is cut off loses none."""
    path = HERE.home / ".lab" / "proved.json"
    keys = {step.slug: proof_key(before, step) for before, step in pairs}
    proved = json.loads(path.read_text()) if path.exists() else {}
    for before, step in unlisted(pairs, listed):
        if proved.get(step.slug) != keys[step.slug]:
            say(f"  proving {step.slug}")
            prove(before, step, say)
            proved[step.slug] = keys[step.slug]
            path.write_text(json.dumps(proved))
    return keys


def prove_all(pairs, listed, say):
    """{slug: why its proof failed, in a line, or nothing} of every step and wrong turn that is not
    listed with today's key."""
    ended = {}
    for before, step in unlisted(pairs, listed):
        say(f"  proving {step.slug}")
        try:
            prove(before, step, say)
            ended[step.slug] = ""
        except Failed as failure:
            say(str(failure))
            ended[step.slug] = str(failure).splitlines()[0].removeprefix(f"{step.slug}: ")
    return ended


def prove(before, step, say):
    """Run what proves a step, or a wrong turn; Failed says what is wrong."""
    (wrong_turns.prove if wrong_turns.is_one(step.slug) else _prove_step)(before, step, say)


def _prove_step(before, step, say):
    """Run the step's tests, its lesson one step earlier, and the journeys of the step before on its
    tables."""
    if find_browser() is None:
        raise Failed(f"{step.slug}: without Chromium it cannot be proved: {INSTALL}")
    with ExitStack() as stack:
        own = _own_tests(step, stack)
        older = _on_new_tables(before, step, stack) if before else []
        red = [_lesson_before(before, step, stack)] if before else []
        ended, running = {}, stack.enter_context(closing(jobs.run([*own, *older, *red])))
        for job in running:
            if job in own:
                ended |= job.ends
                ends.must_pass(step.slug, job, "its tests do not pass")
            elif job in older:
                otherwise = "the code of the step before does not work on its tables"
                ends.must_pass(step.slug, job, otherwise)
    ends.must_be_run(step.slug, lesson_of(step.slug), ended)
    say(f"    green: {total(own)}")
    for job in older:
        say(f"    the step before, on its tables: {job.summary}")
    for job in red:
        ends.must_be_quoted(step.slug, ends.first_line(step.slug, job, "one step earlier"), say)


def _own_tests(step, stack):
    """The jobs that run the step's own tests, longest first."""
    tree = stack.enter_context(jobs.checked_out(step.commit, step.slug[:2]))
    names = tests_of(tree)
    systems = [name for name in names if name.split("/")[1] in WITH_SYSTEMS]
    others = [name for name in names if name not in systems]
    return [jobs.Job(tree, group) for group in (others, systems) if group]


def _on_new_tables(before, step, stack):
    """The job that runs the journeys of the step before, where the step has new migrations."""
    new = new_migrations(before.commit, step.commit)
    if not new:
        return []
    tree = stack.enter_context(jobs.checked_out(before.commit, f"{before.slug[:2]}-tables"))
    there = git.entries(step.commit)
    for path in [*new, *(path for path in MIGRATION_CODE if path in there)]:
        (tree.path / path).write_text(git.ask("show", f"{step.commit}:{path}") + "\n")
    return [jobs.Job(tree, ["tests/journeys"])]


def _lesson_before(before, step, stack):
    """The job that runs the step's lesson in the step before."""
    name = lesson_of(step.slug)
    lesson = git.ask("show", f"{step.commit}:{name}", check=False)
    if lesson is None:
        raise Failed(f"{step.slug}: there is no {name}")
    tree = stack.enter_context(jobs.checked_out(before.commit, f"{before.slug[:2]}-red"))
    (tree.path / name).parent.mkdir(parents=True, exist_ok=True)
    (tree.path / name).write_text(lesson + "\n")
    return jobs.Job(tree, [name])


def total(own):
    """How many tests passed in all jobs, and in how many seconds the longest job."""
    passed = sum(int(found[1]) for job in own if (found := re.search(r"(\d+) passed", job.summary)))
    seconds = [found[1] for job in own if (found := re.search(r" in ([\d.]+)s", job.summary))]
    return f"{passed} passed in {max(map(float, seconds), default=0):.0f} s"


def new_migrations(before, after):
    """The migrations that a step adds to databases which the step before has."""
    there = git.entries(before).keys()
    migration = re.compile(r"migrations/[^/]+/versions/.*")
    folders = {path.rpartition("/")[0] for path in there if migration.fullmatch(path)}
    return sorted(
        path for path in git.entries(after).keys() - there if path.rpartition("/")[0] in folders
    )


def tests_of(tree):
    """What is run of a step: its own tests, and the tests of tests/lab that are about a step."""
    own = sorted(
        f"tests/{path.name}"
        for path in (tree.path / "tests").iterdir()
        if path.is_dir() and path.name not in ("lab", "__pycache__")
    )
    return [name for name in (*own, *AT_EVERY_STEP) if _has_tests(tree.path / name)]


def _has_tests(path):
    return path.exists() and (path.is_file() or any(path.rglob("test_*.py")))
