"""The same small change at every step. docs/changes has a folder for each: a test that states it
from outside, and patches.

A patch NN.patch serves from step NN on, until the next one."""

import re
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tools.lab.ground.failed import Failed
from tools.lab.ground.tree import HERE
from tools.lab.steps import chain as chains
from tools.lab.steps import git

NOT_CODE = ("tests/", "docs/", "tools/")
STATIC = ("facade/", "web/")
OF_ONE = re.compile(r"(?:extracted|migrations)/(\w+)/")
MIGRATES = re.compile(r"migrations/(\w+)/alembic\.ini")


@dataclass(frozen=True)
class Figures:
    """What a change costs at a step: files and lines (added and removed) outside tests and
    documents, and the processes to deploy, in the order of the Procfile."""

    files: int
    lines: int
    processes: tuple


@dataclass(frozen=True)
class Change:
    """A small feature, as a folder of docs/changes."""

    path: Path

    @property
    def name(self):
        return self.path.name

    @property
    def title(self):
        """What it is, as its README says in its heading."""
        return (self.path / "README.md").read_text().partition("\n")[0].removeprefix("# ")

    @property
    def test(self):
        """The test that states it from outside, the same at every step."""
        return next(self.path.glob("test_*.py"))

    def patch(self, slug):
        """The patch that serves at a step; Failed if there is none."""
        serving = [path for path in sorted(self.path.glob("*.patch")) if path.stem <= slug[:2]]
        if not serving:
            raise Failed(f"{self.name} has no patch for {slug}")
        return serving[-1]


def known():
    """{name: change}, by name."""
    paths = sorted(path.parent for path in HERE.path.glob("docs/changes/*/README.md"))
    return {path.name: Change(path) for path in paths}


def find(name):
    """The change of this name; Failed with a list of all if there is none."""
    changes = known()
    if name not in changes:
        raise Failed(f"there is no change {name}; there are: {', '.join(changes)}", 2)
    return changes[name]


def figures(changes=None):
    """{name of a change: {slug of a step: Figures}}, of these changes or of all."""
    steps = chains.read().steps
    changes = known().values() if changes is None else changes
    return {
        change.name: {step.slug: figures_at(change, step) for step in steps} for change in changes
    }


def figures_at(change, step):
    """The Figures of a change at a step, counted in its patch."""
    procfile = git.ask("show", f"{step.commit}:Procfile")
    return count(change.patch(step.slug), procfile)


def count(patch, procfile):
    """The Figures of a patch to a tree with this text as its Procfile."""
    listed = [line.split("\t") for line in git.lines("apply", "--numstat", str(patch))]
    changed = {
        path: int(added) + int(removed)
        for added, removed, path in listed
        if not path.startswith(NOT_CODE)
    }
    return Figures(len(changed), sum(changed.values()), to_deploy(changed, procfile))


def to_deploy(paths, procfile):
    """The processes that need the new code of these files.

    A deployable is built and started as a whole, so all its processes are among them. The release
    command of a database is one of them if a migration of it is."""
    commands = dict(line.split(": ", 1) for line in procfile.splitlines() if ": " in line)
    services = {found[1] for found in map(MIGRATES.search, commands.values()) if found}
    owners = {name: _deployable(name, commands[name], services) for name in commands}
    touched = set().union(*(_touched(path, set(owners.values())) for path in paths))
    migrated = {path.split("/")[1] for path in paths if path.startswith("migrations/")}
    return tuple(
        name
        for name, owner in owners.items()
        if (owner in migrated if "alembic" in commands[name] else owner in touched)
        and (name.split("-")[0] not in ("release", "seed") or "alembic" in commands[name])
    )


def _deployable(name, command, services):
    """What a process is part of: the facade, the service that its name begins with (after
    release- or seed-), or the monolith."""
    if command.startswith("caddy "):
        return "facade"
    return next((word for word in name.split("-")[:2] if word in services), "monolith")


def _touched(path, deployables):
    """The deployables that have a file; one that no deployable owns is part of all."""
    if path.startswith(STATIC):
        return deployables & {"facade"} or {"monolith"}
    if path.startswith("monolith/"):
        return {"monolith"}
    found = OF_ONE.match(path)
    return {found[1]} if found else deployables - {"facade"}


def check(change, step):
    """Failed with git's words if the patch of a change does not apply to a step."""
    with tempfile.TemporaryDirectory() as folder:
        index = {"GIT_INDEX_FILE": f"{folder}/index"}
        git.ask("read-tree", step.commit, environment=index)
        patch = change.patch(step.slug)
        try:
            git.ask("apply", "--cached", "--check", str(patch), environment=index)
        except Failed as failure:
            raise Failed(
                f"{change.name}/{patch.name} does not apply to {step.slug}: {failure}"
            ) from None
