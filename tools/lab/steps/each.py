"""A change of form of every step: a command that runs in each tree, new slugs, new messages.

Nothing is merged, because the same change is made in every step."""

import os
import re
import subprocess
import sys
from dataclasses import dataclass, field, replace
from pathlib import Path

from tools.lab.ground.failed import Failed
from tools.lab.ground.tree import lesson_of
from tools.lab.steps import edits, git
from tools.lab.steps.build import commit_like, lay_tooling, next_commit
from tools.lab.steps.chain import Step, part

SLUG = re.compile(r"[0-9]{2}(-[a-z0-9]+)+")
MOST_NAMES = 10


@dataclass(frozen=True)
class Form:
    """What changes in every step: a shell command, {old slug: new slug}, a folder of messages."""

    command: str | None = None
    renames: dict = field(default_factory=dict)
    messages: Path | None = None

    def __bool__(self):
        return bool(self.command or self.renames or self.messages)

    def slug(self, step):
        """The slug of a step in the new chain."""
        return self.renames.get(step.slug, step.slug)


def build(plan, form, say, *, linear=False):
    """(base, steps, wrong turns) of the new chain, with the form changed in every step."""
    _check(plan, form, linear)
    plan = replace(plan, tool=_renamed_documents(plan.tool, form.renames))
    messages = _messages(plan, form)
    base = lay_tooling(plan, linear=linear)
    at, steps = base, []
    for step in plan.old.steps:
        slug = form.slug(step)
        files = _changed(plan, form, step, part(step.commit, tooling=False), step.slug, say)
        at = next_commit(plan, step.commit, files, at, slug, messages[step.slug])
        steps.append(Step(slug, at))
    return base, steps, [_turn(plan, form, steps, *turn, say) for turn in plan.turns]


def _check(plan, form, linear):
    """Refuse open edits, and renames that make no valid list of steps."""
    slugs = [step.slug for step in plan.old.steps]
    if open_edits := git.lines("for-each-ref", "--format=%(refname:short)", "refs/heads/edit/"):
        raise Failed(
            f"{', '.join(open_edits)}: publish this first, or remove it with ./lab edit --drop", 2
        )
    if linear and form.renames:
        raise Failed("a step cannot be renamed with --linear", 2)
    for old, new in form.renames.items():
        if old not in slugs:
            raise Failed(f"there is no step {old}; there are: {', '.join(slugs)}", 2)
        if not SLUG.fullmatch(new) or new[:2] != old[:2]:
            raise Failed(f"{new} is no new name for {old}: it must be {old[:2]}-words", 2)


def _messages(plan, form):
    """{old slug: the message of its new commit, with the trailer of its new slug}."""
    files = {path.stem: path for path in form.messages.glob("*.txt")} if form.messages else {}
    messages = {}
    for step in plan.old.steps:
        path = files.pop(form.slug(step), None) or files.pop(step.slug, None)
        message = path.read_text().strip() if path else git.message(step.commit)
        if not message:
            raise Failed(f"{path} is empty", 2)
        messages[step.slug] = git.with_trailer(message, "Step", form.slug(step))
    if files:
        raise Failed(f"{form.messages} has messages of no step: {', '.join(sorted(files))}", 2)
    return messages


def _renamed_documents(tool, renames):
    """The tooling with the page and the measurements of a renamed step under the new name."""
    paths = {
        f"docs/{folder}/{old}.{ending}": f"docs/{folder}/{new}.{ending}"
        for old, new in renames.items()
        for folder, ending in (("steps", "md"), ("measurements", "json"))
    }
    moved = {path: paths[path] for path in paths if path in tool and paths[path] not in tool}
    return {moved.get(path, path): entry for path, entry in tool.items()}


def _changed(plan, form, step, files, name, say):
    """The step files after the command has run in a worktree of them; its lesson has the new
    name."""
    if form.command:
        say(f"  {name}: {form.command}")
        files = _run(plan, form, step, files, name)
    for old, new in form.renames.items():
        if lesson_of(old) in files and lesson_of(new) not in files:
            files[lesson_of(new)] = files.pop(lesson_of(old))
    return files


def _run(plan, form, step, files, name):
    """The step files that the command leaves; Failed if it fails or changes tooling."""
    before = git.commit(git.make_tree({**plan.tool, **files}), [], "before")
    worktree = edits.make_scratch(f"each-{name}", before)
    environment = {
        **os.environ,
        "STEP": step.slug,
        "STEP_NUMBER": step.slug[:2],
        "NEW_STEP": form.slug(step),
        "PYTHONPATH": str(worktree),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}",
    }
    done = subprocess.run(form.command, shell=True, cwd=worktree, env=environment)  # noqa: S602
    if done.returncode:
        raise Failed(f"{name}: the command failed with exit code {done.returncode}, in {worktree}")
    git.ask("add", "-A", cwd=worktree)
    tree = git.ask("write-tree", cwd=worktree)
    tool = part(tree, tooling=True)
    if touched := sorted(
        path for path in {*tool, *plan.tool} if tool.get(path) != plan.tool.get(path)
    ):
        more = f" and {len(touched) - MOST_NAMES} more" if len(touched) > MOST_NAMES else ""
        raise Failed(
            f"{name}: the command changes tooling, which is the same at every step: "
            f"{', '.join(touched[:MOST_NAMES])}{more}; see {worktree}"
        )
    edits.discard(worktree)
    return part(tree, tooling=False)


def _turn(plan, form, steps, slug, begins, commit, say):
    """(slug, commit) of a wrong turn, changed like its step."""
    number = next(at for at, step in enumerate(plan.old.steps) if step.slug == begins)
    old = plan.old.steps[number]
    files = _changed(plan, form, old, part(commit, tooling=False), f"wrong-{slug}", say)
    tree = git.make_tree({**plan.tool, **files})
    return slug, commit_like(commit, tree, steps[number].commit)
