"""Proving a step: its tests pass; its lesson fails one step earlier, by an assertion and nothing
else; and where it changes tables, the code of the step before works on them."""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path

from tools.lab.ground.failed import Failed
from tools.lab.ground.tree import HERE, Tree, lesson_of
from tools.lab.steps import git

# the rest of tests/lab is about the lab, and is run on main
AT_EVERY_STEP = (
    "tests/lab/test_step_interface.py",
    "tests/lab/test_shop.py",
)
ABOUT_THE_LAB = ("measure", "report", "steps", "cli")  # rooms of tools/lab
# what no step's tests run on
UNPROVEN = (
    "docs/",
    "README.md",
    "web/",
    ".ci/",
    "tests/lab/",
    *(f"tools/lab/{room}/" for room in ABOUT_THE_LAB),
)
PROVEN = ("docs/events/", "docs/openapi.yaml", "tools/lab/cli/processes.py", *AT_EVERY_STEP)


def key(commit):
    """What a proof of this commit holds for: its files and what of the tooling its tests run on, as
    a hexadecimal text."""
    digest = hashlib.sha256()
    for path, entry in sorted(git.entries(commit).items()):
        if not path.startswith(UNPROVEN) or path.startswith(PROVEN):
            digest.update(f"{path} {entry}\n".encode())
    return digest.hexdigest()[:40]


def proof_key(before, step):
    """A step's proof depends on its own files and, being red there, on those of the step before."""
    return hashlib.sha256(
        f"{before and key(before.commit)} {key(step.commit)}".encode()
    ).hexdigest()[:40]


def pairs(steps):
    return list(zip([None, *steps], steps, strict=False))


def unlisted(steps, listed):
    """The pairs of a step before and a step that have no proof of today's files."""
    return [
        (before, step)
        for before, step in pairs(steps)
        if listed.get(step.slug) != proof_key(before, step)
    ]


def still_valid(steps, listed):
    """The proofs that are listed and hold for these steps: {slug: key}."""
    stale = {step.slug for _, step in unlisted(steps, listed)}
    return {step.slug: listed[step.slug] for step in steps if step.slug not in stale}


def bring_up_to_date(steps, listed, prove, say):
    """{slug: key} of every step, those proved now that are not listed with today's key; Failed
    names what is not so.

    What has been proved is noted at once, so that a publication that is cut off has not proved it
    in vain."""
    noted, keys = (
        HERE.home / ".lab" / "proved.json",
        {step.slug: proof_key(before, step) for before, step in pairs(steps)},
    )
    proved = json.loads(noted.read_text()) if noted.exists() else {}
    for before, step in unlisted(steps, listed):
        if proved.get(step.slug) != keys[step.slug]:
            say(f"  proving {step.slug}")
            prove(before, step, say)
            proved[step.slug] = keys[step.slug]
            noted.write_text(json.dumps(proved))
    return keys


def prove(before, step, say, *, command=None):
    """Run the step's tests, and its lesson one step earlier; Failed says what is not as it must
    be."""
    command, name = command or [sys.executable, "-m", "pytest", "-q"], lesson_of(step.slug)
    with checked_out(step.commit) as tree:
        ends, done = outcomes(tree, [*command, *tests_of(tree)])
        if done.returncode:
            kept = tree.path.parent / f"{step.slug}.log"
            kept.write_text(done.stdout)
            raise Failed(f"{step.slug}: its tests do not pass; see {kept}\n{done.stdout[-4000:]}")
        if idle := [
            test
            for test, ended in ends.items()
            if test.startswith(f"{name}::") and ended[-1][1] != "passed"
        ]:
            raise Failed(f"{step.slug}: its lesson does not pass, it is not run: {', '.join(idle)}")
        say(f"    green: {done.stdout.strip().splitlines()[-1]}")
    if before is None:
        return
    if (lesson := git.ask("show", f"{step.commit}:{name}", check=False)) is None:
        raise Failed(f"{step.slug}: there is no {name}")
    if new := new_migrations(before.commit, step.commit):
        with checked_out(before.commit) as earlier:
            for path in new:
                (earlier.path / path).write_text(git.ask("show", f"{step.commit}:{path}") + "\n")
            _, done = outcomes(earlier, [*command, "tests/journeys"])
        if done.returncode:
            raise Failed(
                f"{step.slug}: the code of the step before does not work on its tables\n"
                f"{done.stdout[-4000:]}"
            )
        say(f"    the step before, on its tables: {done.stdout.strip().splitlines()[-1]}")
    with checked_out(before.commit) as earlier:
        (earlier.path / name).parent.mkdir(parents=True, exist_ok=True)
        (earlier.path / name).write_text(lesson + "\n")
        ends, done = outcomes(earlier, [*command, name])
    first = red(step.slug, ends, done.stdout)
    say(f"    red before: {first}")
    page = HERE.path / "docs" / "steps" / f"{step.slug}.md"
    if page.exists() and first not in page.read_text():
        raise Failed(
            f"docs/steps/{step.slug}.md does not quote the assertion that is red before: {first}"
        )


def new_migrations(before, after):
    """The migrations that a commit has got, and the one before it has not, of databases that are
    there before."""
    there = git.entries(before).keys()
    folders = {
        path.rpartition("/")[0]
        for path in there
        if re.fullmatch(r"migrations/[^/]+/versions/.*", path)
    }
    return sorted(
        path for path in git.entries(after).keys() - there if path.rpartition("/")[0] in folders
    )


def tests_of(tree):
    """What is run at every step: the tests of its own, and those of tests/lab that are about a
    step."""
    own = sorted(
        f"tests/{path.name}"
        for path in (tree.path / "tests").iterdir()
        if path.is_dir() and path.name not in ("lab", "__pycache__")
    )
    return [name for name in (*own, *AT_EVERY_STEP) if _has_tests(tree.path / name)]


def _has_tests(path):
    return path.exists() and (path.is_file() or any(path.rglob("test_*.py")))


def red(slug, outcomes, printed):
    """The first line of the assertion that fails one step earlier; Failed unless each test failed
    so, and only so."""
    if not outcomes:
        raise Failed(
            f"{slug}: its lesson has no test that could be run one step earlier\n{printed[-2000:]}"
        )
    for test, ended in outcomes.items():
        if [each[:3] for each in ended] != [["call", "failed", "AssertionError"]]:
            said = "; ".join(" ".join(map(str, each[:3])) for each in ended)
            raise Failed(
                f"{slug}: one step earlier {test} must fail by an assertion, and only so; it "
                f"ended with {said}\n{printed[-2000:]}"
            )
    return next(iter(outcomes.values()))[0][3][0]


def outcomes(tree, command):
    """({test: [[phase, outcome, kind, [first line]], ...]} as the plugin of the tree's own lab
    noted them, how the command ended)."""
    with tempfile.TemporaryDirectory() as folder:
        noted = Path(folder) / "outcomes.json"
        environment = {**os.environ, "PYTHONPATH": str(tree.path), "LESSON_OUT": str(noted)}
        piped = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
        process = subprocess.Popen(
            command, cwd=tree.path, env=environment, start_new_session=True, **piped
        )
        try:
            printed, _ = process.communicate()
        except BaseException:
            process.terminate()
            process.communicate()  # it takes down what its fixtures have started
            raise
        return json.loads(noted.read_text()) if noted.exists() else {}, subprocess.CompletedProcess(
            command, process.returncode, printed
        )


@contextmanager
def checked_out(commit):
    """A tree of commit in a worktree that is gone afterwards."""
    folder = HERE.home / ".lab" / "prove"
    folder.mkdir(parents=True, exist_ok=True)
    path = Path(tempfile.mkdtemp(dir=folder, prefix=commit[:8]))
    try:
        git.ask("worktree", "add", "-q", "--detach", "--force", str(path), commit)
        yield Tree(path)
    finally:
        git.ask("worktree", "remove", "--force", str(path), check=False)
        shutil.rmtree(path, ignore_errors=True)
        if sys.pycache_prefix:
            shutil.rmtree(sys.pycache_prefix + str(path), ignore_errors=True)


def prove_all(steps, listed, say):
    """{slug: what is wrong with it, in a line, or nothing} of every step that is not listed with
    today's key."""
    ended = {}
    for before, step in unlisted(steps, listed):
        say(f"  proving {step.slug}")
        try:
            prove(before, step, say)
            ended[step.slug] = ""
        except Failed as failure:
            say(str(failure))
            ended[step.slug] = str(failure).splitlines()[0].removeprefix(f"{step.slug}: ")
    return ended
