"""Rebuilding the chain of steps on today's tooling: docs/contributing.md, *Publishing*."""

import json
import shutil
from dataclasses import dataclass, field

from tools.lab.ground.failed import Failed
from tools.lab.ground.tree import HERE, is_tooling
from tools.lab.steps import chain as chains
from tools.lab.steps import git, proving
from tools.lab.steps.chain import Step, part

MAIN = "refs/heads/main"
MOST_FILES, MOST_LINES = 12, 300
REPLAY = ["cherry-pick", "--no-commit", "-X", "find-renames=30%"]


class Conflict(Failed):
    """A change does not apply; the scratch worktree of this name waits for somebody to settle
    it."""

    def __init__(self, name, message):
        super().__init__(message, 3)
        self.name = name


@dataclass
class Plan:
    """What a publication starts from: main, its tooling, its chain, edits and wrong turns; and what
    was settled as {name: tree}."""

    main: str
    tool: dict
    old: chains.Chain
    edits: dict
    turns: list
    settled: dict = field(default_factory=dict)

    @property
    def start(self):
        """What a settled conflict depends on, in a text."""
        return json.dumps([self.main, self.edits, self.turns])


def plan():
    """What there is to publish; Failed where main or an edit is not as it must be."""
    if not git.is_here():
        raise Failed("this checkout is no git repository", 2)
    if (main := _branch("main")) is None:
        raise Failed("there is no branch main here; make it with git branch main origin/main", 2)
    if (elsewhere := git.ask("for-each-ref", "--format=%(worktreepath)", MAIN)) not in (
        "",
        str(HERE.path),
    ):
        raise Failed(f"main is checked out in {elsewhere}: publish from there", 2)
    for path in (HERE.path, *(edit.parent for edit in edit_path("").glob("*/.git"))):
        if changed := uncommitted(path):
            raise Failed(
                f"commit or remove first what is not committed in {path}: {', '.join(changed)}", 2
            )
    old = chains.read(main)
    if not old.steps:
        raise Failed("there is no step here: no commit below main has the trailer Step: 00-...", 2)
    _check_list(main, old)
    _check_tip(main, old)
    return Plan(main, part(main, tooling=True), old, _edits(main, old), _turns(old))


def _branch(name):
    return git.ask("rev-parse", "-q", "--verify", f"refs/heads/{name}", check=False)


def uncommitted(path):
    return [line[3:] for line in git.lines("status", "--porcelain", cwd=path)]


def _edits(main, old):
    """{slug: (where it began, its tip)} of the branches edit/SLUG; a step may have been published
    anew since."""
    edits = {}
    for slug in (step.slug for step in old.steps):
        if tip := _branch(f"edit/{slug}"):
            began = git.ask("merge-base", main, tip)
            if git.trailers(began, "Step") != [slug]:
                raise Failed(
                    f"edit/{slug} is not on top of its step: commit there, and amend nothing "
                    "that is older",
                    2,
                )
            _check_commits(f"{began}..{tip}", tooling_too=False)
            edits[slug] = began, tip
    return edits


def _turns(old):
    """[(slug, the step it begins at, commit)]: wrong turns that are published, and those on
    branches wrong/SLUG."""
    new = {
        name.removeprefix("wrong/"): _branch(name)
        for name in git.lines("for-each-ref", "--format=%(refname:short)", "refs/heads/wrong/")
    }
    turns = []
    for slug, commit in {**dict(old.wrong), **new}.items():
        begins = git.trailers(f"{commit}^", "Step") if git.parents(commit) else []
        if not {*begins} & {step.slug for step in old.steps} or git.trailers(commit, "Wrong") != [
            slug
        ]:
            raise Failed(
                f"wrong/{slug} must be one commit on top of a step, with the trailer Wrong: {slug}",
                2,
            )
        _check_commits(f"{commit}^..{commit}", tooling_too=False)
        turns.append((slug, begins[0], commit))
    return turns


def _check_list(main, old):
    slugs, newest = [step.slug for step in old.steps], chains.publication(main)
    before = [step.slug for step in chains.read(newest).steps] if newest else []
    if [slug[:2] for slug in slugs] != [f"{number:02}" for number in range(len(slugs))] or slugs[
        : len(before)
    ] != before:
        raise Failed(
            f"the list of steps has changed: {', '.join(before) or 'none'} before, "
            f"{', '.join(slugs)} now",
            2,
        )


def _check_tip(main, old):
    last = old.steps[-1]
    new, here = part(last.commit, tooling=False), part(main, tooling=False)
    differing = sorted(path for path in {*new, *here} if new.get(path) != here.get(path))
    if differing:
        raise Failed(
            f"main holds step files that no step has ({', '.join(differing)}); end them with a "
            f"commit that has the trailer Step: {last.slug}",
            2,
        )
    newest = chains.publication(main) or old.steps[0].commit
    _check_commits(f"{newest}..{main}", tooling_too=True)


def _check_commits(range, *, tooling_too):
    """Refuse a commit that touches tooling and step files both, or tooling at all."""
    for commit in git.lines("rev-list", "--no-merges", "--first-parent", range):
        touched = git.lines("diff-tree", "--no-commit-id", "--name-only", "-r", commit)
        kinds = {is_tooling(path) for path in touched}
        if kinds == {True, False}:
            raise Failed(f"commit {commit[:8]} touches tooling and step files both: split it", 2)
        if kinds == {True} and not tooling_too:
            raise Failed(
                f"commit {commit[:8]} is a step's and touches tooling ({touched[0]}): that is "
                "changed on main",
                2,
            )


# Building the new chain


def build(plan, say, *, linear=False):
    """(base, steps, wrong turns) of the new chain; commits that are as they were are kept. Conflict
    stops it."""
    tree = git.make_tree(plan.tool)
    is_on_main = plan.main == plan.old.steps[-1].commit and not plan.edits
    below = plan.main if linear and not is_on_main else plan.old.base
    base = (
        below
        if below and git.tree(below) == tree
        else git.commit(tree, [below] if below else [], "Lay today's tooling below the steps\n")
    )
    at, before, steps = base, {}, []
    for step in plan.old.steps:
        own = part(step.commit, tooling=False)
        files = _changed(
            plan, part(at, tooling=False) if steps else {}, before, own, step.slug, say
        )
        if step.slug in plan.edits:
            files = _changed(
                plan,
                files,
                *(part(commit, tooling=False) for commit in plan.edits[step.slug]),
                f"edit-{step.slug}",
                say,
            )
        if files == part(at, tooling=False):
            raise Failed(f"step {step.slug} has become empty")
        at, before = _commit_like(step.commit, git.make_tree({**plan.tool, **files}), at), own
        steps.append(Step(step.slug, at))
    return base, steps, [_turn(plan, steps, *turn, say) for turn in plan.turns]


def _turn(plan, steps, slug, begins, commit, say):
    step = next(step for step in steps if step.slug == begins)
    sides = (part(each, tooling=False) for each in (step.commit, f"{commit}^", commit))
    return slug, _commit_like(
        commit,
        git.make_tree({**plan.tool, **_changed(plan, *sides, f"wrong-{slug}", say)}),
        step.commit,
    )


def _commit_like(commit, tree, parent):
    if git.tree(commit) == tree and git.parents(commit) == [parent]:
        return commit
    return git.commit(tree, [parent], git.message(commit), like=commit)


def _changed(plan, files, before, after, name, say):
    """The step files that come of making the change from before to after once more, in files."""
    if files == before:
        return after
    if before == after:
        return files
    if name in plan.settled:
        return part(plan.settled[name], tooling=False)
    # the same tooling on all sides
    at, parent = (
        git.commit(git.make_tree({**plan.tool, **each}), [], "before") for each in (files, before)
    )
    change = git.commit(git.make_tree({**plan.tool, **after}), [parent], name)
    worktree = scratch(name)
    discard(worktree)
    git.ask("worktree", "add", "-q", "--detach", str(worktree), at)
    if git.ask(*REPLAY, change, cwd=worktree, check=False) is None:
        for line in git.lines("status", "--porcelain", cwd=worktree):
            # changed by a fix, deleted by a later step: the deletion wins
            if line.startswith("UD "):
                git.ask("rm", "-q", line[3:], cwd=worktree)
                say(f"  {name} deletes {line[3:]}, which has been changed before it: deleted")
        if unmerged := sorted(
            {line.split("\t")[1] for line in git.lines("ls-files", "-u", cwd=worktree)}
        ):
            raise Conflict(
                name,
                f"{name} does not apply: settle {', '.join(unmerged)} in {worktree}, git add "
                "them, then ./lab publish --continue",
            )
    tree = git.ask("write-tree", cwd=worktree)
    discard(worktree)
    return part(tree, tooling=False)


def scratch(name):
    return HERE.home / ".lab" / "publish" / name


def discard(path):
    git.ask("worktree", "remove", "--force", str(path), check=False)
    shutil.rmtree(path, ignore_errors=True)
    git.ask("worktree", "prune")


# What was settled by hand, between a conflict and --continue


def stopped():
    """Where a publication that a conflict has stopped is noted."""
    return HERE.home / ".lab" / "publish.json"


def resume(plan):
    """Take the settled worktree of a stopped publication into the plan."""
    if not stopped().exists():
        raise Failed("there is no publication to continue", 2)
    noted = json.loads(stopped().read_text())
    worktree = scratch(noted["at"])
    if noted["start"] != plan.start or not worktree.exists():
        raise Failed("main or an edit has changed since; begin again with ./lab publish", 2)
    if git.ask("ls-files", "-u", cwd=worktree):
        raise Failed(f"not all is settled yet in {worktree}; git add what is", 2)
    git.ask("rerere", cwd=worktree)
    plan.settled.update(noted["settled"], **{noted["at"]: git.ask("write-tree", cwd=worktree)})
    discard(worktree)


# Publishing


def publish(say, *, prove=proving.prove, linear=False, going_on=False, dry=False):
    """Rebuild the chain, prove what is not proved yet, and join it to main; True if anything
    changed."""
    begun = plan()
    if going_on:
        resume(begun)
    try:
        base, steps, turns = build(begun, say, linear=linear)
    except Conflict as conflict:
        stopped().write_text(
            json.dumps({"start": begun.start, "at": conflict.name, "settled": begun.settled})
        )
        raise
    stopped().unlink(missing_ok=True)
    for before, step in zip([Step("", base), *steps], steps, strict=False):
        new = "" if step in begun.old.steps else ", new"
        say(f"  {step.slug}: {budget(before.commit, step.commit)}{new}")
    listed = chains.proved(begun.main)
    if dry:
        unproved = [step.slug for _, step in proving.unlisted(steps, listed)]
        say(f"  to be proved: {', '.join(unproved) or 'none'}")
        return False
    proofs = (
        proving.bring_up_to_date(steps, listed, prove, say)
        if prove
        else proving.still_valid(steps, listed)
    )
    same = begun.old == chains.Chain(tuple(steps), base, tuple(turns))
    if same and (linear or proofs == listed and chains.publication(begun.main)):
        say("nothing to publish")
        return False
    if not _join(begun, steps, turns, proofs, linear):
        say("main has moved meanwhile: once more")
        return publish(say, prove=prove, linear=linear)
    _drop_branches(begun)
    chains.make_tags(say)
    return True


def _drop_branches(begun):
    """Throw away what is published: an edit, unless somebody has gone on with it meanwhile, and the
    branches of wrong turns."""
    for slug, (_, tip) in begun.edits.items():
        if _branch(f"edit/{slug}") == tip and not (
            edit_path(slug).exists() and uncommitted(edit_path(slug))
        ):
            drop_edit(slug)
    for slug, _, commit in begun.turns:
        if _branch(f"wrong/{slug}") == commit:
            git.ask("branch", "-q", "-D", f"wrong/{slug}", check=False)


def _join(begun, steps, turns, proofs, linear):
    """Advance main to the new chain, if it is still where it was."""
    tip = steps[-1].commit
    if not linear:
        notes = [f"Published: {tip}", *(f"Proved: {slug} {key}" for slug, key in proofs.items())]
        parents = [begun.main, tip, *(commit for _, commit in turns)]
        tip = git.commit(
            git.tree(tip), parents, f"Publish {len(steps)} steps\n\n" + "\n".join(notes) + "\n"
        )
    is_checked_out = git.ask("symbolic-ref", "-q", "HEAD", check=False) == MAIN
    advance = (
        ["merge", "-q", "--ff-only", tip]
        if is_checked_out
        else ["update-ref", "-m", "publish", MAIN, tip, begun.main]
    )
    try:
        git.ask(*advance)
    except Failed:
        if _branch("main") == begun.main:
            raise
        return False
    return True


def budget(before, after):
    """How much a step changes outside tests and documents, moves not counted; with a warning where
    that is much."""
    counted = [
        line.split("\t")
        for line in git.lines(
            "diff",
            "--numstat",
            "-M30%",
            before,
            after,
            "--",
            ".",
            ":(exclude)tests",
            ":(exclude)docs",
        )
    ]
    changes = [int(added) + int(removed) for added, removed, _ in counted if added != "-"]
    files, changed = sum(change > 0 for change in changes), sum(changes)
    over = " (over budget: its page says why)" if files > MOST_FILES or changed > MOST_LINES else ""
    return f"{files} files, {changed} lines{over}"


# Mending an earlier step


def edit_path(slug):
    return HERE.home / ".lab" / "edit" / slug


def open_edit(step):
    """The worktree in which step is mended, on a branch of its own."""
    path, branch = edit_path(step.slug), f"edit/{step.slug}"
    if not (path / ".git").exists():
        git.ask("worktree", "prune")
        if not _branch(branch):
            git.ask("branch", "-q", branch, step.commit)
        git.ask("worktree", "add", "-q", str(path), branch)
    return path


def drop_edit(slug):
    discard(edit_path(slug))
    git.ask("branch", "-q", "-D", f"edit/{slug}", check=False)
