"""Proving a step: its tests pass, and its lesson fails one step earlier, by an assertion and nothing else."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path

from tools.lab import chain as chains
from tools.lab import git
from tools.lab.system import Failed
from tools.lab.tree import HERE, Tree, lesson_of

AT_EVERY_STEP = ("tests/lab/test_step_interface.py", "tests/lab/test_shop.py")  # the rest of tests/lab is about the lab, and is run on main
UNPROVEN = ("docs/", "README.md", "web/")  # what a proof does not depend on
PROVEN = ("docs/events/", "docs/openapi.yaml")


def key(commit):
    """What a proof of this commit holds for: its files without the documents, as a hexadecimal text."""
    digest = hashlib.sha256()
    for path, entry in sorted(git.entries(commit).items()):
        if not path.startswith(UNPROVEN) or path.startswith(PROVEN):
            digest.update(f"{path} {entry}\n".encode())
    return digest.hexdigest()[:40]


def proof_key(before, step):
    """A step's proof depends on its own files and, being red there, on those of the step before."""
    return hashlib.sha256(f"{before and key(before.commit)} {key(step.commit)}".encode()).hexdigest()[:40]


def pairs(steps):
    return list(zip([None, *steps], steps, strict=False))


def is_key(steps, slug, listed):
    return any(step.slug == slug and proof_key(before, step) == listed for before, step in pairs(steps))


def bring_up_to_date(steps, listed, prove, say, *, all=False):
    """{slug: key} of every step, those proved now that are not listed with today's key; Failed names what is not so."""
    proofs = {}
    for before, step in pairs(steps):
        proofs[step.slug] = proof_key(before, step)
        if all or listed.get(step.slug) != proofs[step.slug]:
            say(f"  proving {step.slug}")
            prove(before, step, say)
    return proofs


def prove(before, step, say, *, command=None):
    """Run the step's tests, and its lesson one step earlier; Failed says what is not as it must be."""
    command = command or [sys.executable, "-m", "pytest", "-q"]
    with checked_out(step.commit) as tree:
        ended = run(tree, [*command, *tests_of(tree)])
        if ended.returncode:
            raise Failed(f"{step.slug}: its tests do not pass\n{ended.stdout[-4000:]}")
        say(f"    green: {ended.stdout.strip().splitlines()[-1]}")
    if before is None:
        return
    name = lesson_of(step.slug)
    if (lesson := git.ask("show", f"{step.commit}:{name}", check=False)) is None:
        raise Failed(f"{step.slug}: there is no {name}")
    with checked_out(before.commit) as earlier:
        (earlier.path / name).parent.mkdir(parents=True, exist_ok=True)
        (earlier.path / name).write_text(lesson + "\n")
        first = red(step.slug, *outcomes(earlier, [*command, name]))
    say(f"    red before: {first}")
    page = HERE.path / "docs" / "steps" / f"{step.slug}.md"
    if page.exists() and first not in page.read_text():
        raise Failed(f"docs/steps/{step.slug}.md does not quote the assertion that is red before: {first}")


def tests_of(tree):
    """What is run at every step: the tests of its own, and those of tests/lab that are about a step."""
    own = sorted(f"tests/{path.name}" for path in (tree.path / "tests").iterdir() if path.is_dir() and path.name not in ("lab", "__pycache__"))
    return [name for name in (*own, *AT_EVERY_STEP) if _has_tests(tree.path / name)]


def _has_tests(path):
    return path.exists() and (path.is_file() or any(path.glob("test_*.py")))


def red(slug, outcomes, printed):
    """The first line of the assertion that fails one step earlier; Failed unless each test failed so, and only so."""
    if not outcomes:
        raise Failed(f"{slug}: its lesson has no test that could be run one step earlier\n{printed[-2000:]}")
    for test, ended in outcomes.items():
        if [each[:3] for each in ended] != [["call", "failed", "AssertionError"]]:
            said = "; ".join(" ".join(map(str, each[:3])) for each in ended)
            raise Failed(f"{slug}: one step earlier {test} must fail by an assertion, and only so; it ended with {said}\n{printed[-2000:]}")
    return next(iter(outcomes.values()))[0][3][0]


def outcomes(tree, command):
    """({test: [[phase, outcome, kind, [first line]], ...]} as the plugin noted them, what was printed)."""
    with tempfile.TemporaryDirectory() as folder:
        noted = Path(folder) / "outcomes.json"
        printed = run(tree, command, LESSON_OUT=str(noted)).stdout
        return json.loads(noted.read_text()) if noted.exists() else {}, printed


def run(tree, command, **environment):
    """Run a command of pytest's in a tree, with that tree's own lab."""
    inherited = {name: value for name, value in os.environ.items() if name != "LESSON_OUT"}
    environment = {**inherited, "PYTHONPATH": str(tree.path), **environment}
    return subprocess.run(command, cwd=tree.path, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


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


def prove_all(say, *, unlisted=False):
    """Prove every step of the chain, or those that the newest publication does not list as proved."""
    chain = chains.make_tags(say)
    if not chain.steps:
        raise Failed("there is no step here to prove", 2)
    bring_up_to_date(chain.steps, chains.proved(), prove, say, all=not unlisted)
    return len(chain.steps)
