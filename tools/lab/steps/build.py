"""Making the commits of a new chain on today's tooling: docs/contributing.md, *Publishing*."""

from tools.lab.ground.failed import Failed
from tools.lab.steps import edits, git
from tools.lab.steps.chain import Step, part

REPLAY = ["cherry-pick", "--no-commit", "-X", "find-renames=30%"]


class Conflict(Failed):
    """A change does not apply; the scratch worktree of this name keeps the conflict."""

    def __init__(self, name, message):
        super().__init__(message, 3)
        self.name = name


def build(plan, say, *, linear=False):
    """(base, steps, wrong turns) of the new chain; a commit that would be equal is kept. Raises
    Conflict."""
    base = lay_tooling(plan, linear=linear)
    at, before, steps = base, {}, []
    for step in plan.old.steps:
        own = part(step.commit, tooling=False)
        files = part(at, tooling=False) if steps else {}
        files = _changed(plan, files, before, own, step.slug, say)
        if step.slug in plan.edits:
            edit = [part(commit, tooling=False) for commit in plan.edits[step.slug]]
            files = _changed(plan, files, *edit, f"edit-{step.slug}", say)
        at = next_commit(plan, step.commit, files, at, step.slug)
        before = own
        steps.append(Step(step.slug, at))
    return base, steps, [_turn(plan, steps, *turn, say) for turn in plan.turns]


def lay_tooling(plan, *, linear):
    """The commit of today's tooling alone, below step 00; the old one if it is equal."""
    tree = git.make_tree(plan.tool)
    is_on_main = plan.main == plan.old.steps[-1].commit and not plan.edits
    below = plan.main if linear and not is_on_main else plan.old.base
    if below and git.tree(below) == tree:
        return below
    return git.commit(tree, [below] if below else [], "Lay today's tooling below the steps\n")


def next_commit(plan, old, files, parent, slug, message=None):
    """The commit of a step: tooling and these files, with author and date of the old commit."""
    if files == part(parent, tooling=False):
        raise Failed(f"step {slug} has become empty")
    return commit_like(old, git.make_tree({**plan.tool, **files}), parent, message)


def commit_like(old, tree, parent, message=None):
    """The old commit if nothing of it changes, else a new one with its author and date."""
    message = message or git.message(old)
    if (
        git.tree(old) == tree
        and git.parents(old) == [parent]
        and git.message(old).strip() == message.strip()
    ):
        return old
    return git.commit(tree, [parent], message, like=old)


def _turn(plan, steps, slug, begins, commit, say):
    """(slug, commit) of a wrong turn, made again on top of its step."""
    step = next(step for step in steps if step.slug == begins)
    sides = [part(each, tooling=False) for each in (step.commit, f"{commit}^", commit)]
    files = _changed(plan, *sides, f"wrong-{slug}", say)
    return slug, commit_like(commit, git.make_tree({**plan.tool, **files}), step.commit)


def _changed(plan, files, before, after, name, say):
    """The step files after the change from before to after is made again, in files."""
    if files == before:
        return after
    if before == after:
        return files
    if name in plan.resolved:
        return part(plan.resolved[name], tooling=False)
    # the same tooling on all sides
    at, parent = (
        git.commit(git.make_tree({**plan.tool, **each}), [], "before") for each in (files, before)
    )
    change = git.commit(git.make_tree({**plan.tool, **after}), [parent], name)
    worktree = edits.make_scratch(name, at)
    if git.ask(*REPLAY, change, cwd=worktree, check=False) is None:
        _let_deletions_win(worktree, name, say)
        if unmerged := unmerged_files(worktree):
            raise Conflict(
                name,
                f"{name} does not apply: resolve {', '.join(unmerged)} in {worktree}, git add "
                "them, then ./lab publish --continue",
            )
    tree = git.ask("write-tree", cwd=worktree)
    edits.discard(worktree)
    return part(tree, tooling=False)


def _let_deletions_win(worktree, name, say):
    """Delete the files that an edit has changed and a later step deletes."""
    for line in git.lines("status", "--porcelain", cwd=worktree):
        if line.startswith("UD "):
            git.ask("rm", "-q", line[3:], cwd=worktree)
            say(f"  {name} deletes {line[3:]}, which an earlier step has changed: deleted")


def unmerged_files(worktree):
    listed = git.lines("ls-files", "-u", cwd=worktree)
    return sorted({line.split("\t")[1] for line in listed})
