"""The worktrees that git makes for publishing: edits of earlier steps, and scratch worktrees."""

import shutil

from tools.lab.ground.tree import HERE
from tools.lab.steps import git


def edit_path(slug):
    return HERE.home / ".lab" / "edit" / slug


def open_edit(step):
    """A worktree for repairing a step, on a branch of its own."""
    path, branch = edit_path(step.slug), f"edit/{step.slug}"
    if not (path / ".git").exists():
        git.ask("worktree", "prune")
        if not git.branch(branch):
            git.ask("branch", "-q", branch, step.commit)
        git.ask("worktree", "add", "-q", str(path), branch)
    return path


def drop_edit(slug):
    """Remove an edit: its worktree and its branch."""
    discard(edit_path(slug))
    git.ask("branch", "-q", "-D", f"edit/{slug}", check=False)


def worktrees():
    """The worktrees of all edits."""
    return [git_file.parent for git_file in edit_path("").glob("*/.git")]


def scratch(name):
    """Where publishing makes a worktree of this name."""
    return HERE.home / ".lab" / "publish" / name


def make_scratch(name, commit):
    """A new worktree of commit; one of this name that was left over is removed first."""
    path = scratch(name)
    discard(path)
    git.ask("worktree", "add", "-q", "--detach", str(path), commit)
    return path


def discard(path):
    """Remove a worktree with everything in it."""
    git.ask("worktree", "remove", "--force", str(path), check=False)
    shutil.rmtree(path, ignore_errors=True)
    git.ask("worktree", "prune")
