"""Rebuilding the chain of steps on today's tooling: docs/contributing.md, *Publishing*."""

import json
import shutil
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tools.lab import chain as chains
from tools.lab import git, proving
from tools.lab.chain import Step, part
from tools.lab.system import Failed
from tools.lab.tree import HERE

MOST_FILES, MOST_LINES = 12, 300
REPLAY = ["cherry-pick", "--no-commit", "-X", "find-renames=30%"]


class Conflict(Failed):
    """A step does not apply on the one before it; the worktree waits for somebody to settle it."""


@dataclass
class Plan:
    """What a publication starts from: main, its chain, the edits as {slug: commit}, and what was settled as {slug: tree}."""

    main: str
    old: chains.Chain
    edits: dict
    turns: list
    settled: dict = field(default_factory=dict)


def plan():
    """What there is to publish; Failed where main or an edit is not as it must be."""
    if not git.is_here():
        raise Failed("this checkout is no git repository", 2)
    if changed := git.lines("status", "--porcelain"):
        raise Failed(f"commit or remove first what is not committed: {', '.join(line[3:] for line in changed)}", 2)
    main = git.ask("rev-parse", chains.main())
    old = chains.read(main)
    if not old.steps:
        raise Failed("there is no step here: no commit below main has the trailer Step: 00-...", 2)
    _check_list(main, old)
    _check_tip(main, old)
    edits = {step.slug: tip for step in old.steps if (tip := _branch(f"edit/{step.slug}")) and _is_above(tip, step.commit)}
    for step in old.steps:
        _check_commits(f"{step.commit}..{edits[step.slug]}" if step.slug in edits else None, tooling_too=False)
    return Plan(main, old, edits, _turns(old))


def _branch(name):
    return git.ask("rev-parse", "-q", "--verify", f"refs/heads/{name}", check=False)


def _is_above(tip, commit):
    """Whether a branch has commits of its own on top of commit; one that began on a step since published anew is refused."""
    if git.ask("merge-base", "--is-ancestor", commit, tip, check=False) is None:
        raise Failed(f"{tip[:8]} does not begin at today's step; bring it there with git rebase --onto, or drop it", 2)
    return tip != commit


def _turns(old):
    """[(slug, the step it begins at, commit)]: wrong turns that are published, and those on branches wrong/SLUG."""
    new = {name.removeprefix("wrong/"): _branch(name) for name in git.lines("for-each-ref", "--format=%(refname:short)", "refs/heads/wrong/")}
    turns = []
    for slug, commit in {**dict(old.wrong), **new}.items():
        begins = next((step for step in old.steps if step.commit == git.parents(commit)[0]), None)
        if begins is None or git.trailers(commit, "Wrong") != [slug]:
            raise Failed(f"wrong/{slug} must be one commit on top of a step, with the trailer Wrong: {slug}", 2)
        turns.append((slug, begins.slug, commit))
    return turns


def _check_list(main, old):
    slugs, newest = [step.slug for step in old.steps], chains.publication(main)
    before = [step.slug for step in chains.read(newest).steps] if newest else []
    if [slug[:2] for slug in slugs] != [f"{number:02}" for number in range(len(slugs))] or slugs[: len(before)] != before:
        raise Failed(f"the list of steps has changed: {', '.join(before) or 'none'} before, {', '.join(slugs)} now", 2)


def _check_tip(main, old):
    last = old.steps[-1]
    new, here = part(last.commit, tooling=False), part(main, tooling=False)
    differing = sorted(path for path in {*new, *here} if new.get(path) != here.get(path))
    if differing:
        raise Failed(f"main holds step files that no step has ({', '.join(differing)}); end them with a commit that has the trailer Step: {last.slug}", 2)
    newest = chains.publication(main) or old.steps[0].commit
    _check_commits(f"{newest}..{main}", tooling_too=True)


def _check_commits(range, *, tooling_too):
    """Refuse a commit that touches tooling and step files both, or tooling at all."""
    for commit in git.lines("rev-list", "--no-merges", "--first-parent", range) if range else ():
        touched = git.lines("diff-tree", "--no-commit-id", "--name-only", "-r", commit)
        kinds = {chains.is_tooling(path) for path in touched}
        if kinds == {True, False}:
            raise Failed(f"commit {commit[:8]} touches tooling and step files both: split it", 2)
        if kinds == {True} and not tooling_too:
            raise Failed(f"commit {commit[:8]} of an edit touches tooling ({touched[0]}): that is changed on main", 2)


# Building the new chain


def build(plan, say, *, linear=False):
    """(base, steps, wrong turns) of the new chain; commits that are as they were are kept. Conflict stops it."""
    tool = part(plan.main, tooling=True)
    tree = git.make_tree(tool)
    below = plan.main if linear else plan.old.base
    base = below if below and git.tree(below) == tree else git.commit(tree, [below] if below else [], "Lay today's tooling below the steps\n")
    at, before, steps = base, plan.old.base, []
    for step in plan.old.steps:
        files = _files(plan, tool, step, at, before, first=not steps, say=say)
        if files == part(at, tooling=False):
            raise Failed(f"step {step.slug} has become empty")
        at, before = _commit_like(step.commit, git.make_tree({**tool, **files}), at), step.commit
        steps.append(Step(step.slug, at))
    return base, steps, [_turn(plan, tool, steps, *turn, say) for turn in plan.turns]


def _files(plan, tool, step, at, before, *, first, say):
    """A step's own files, as they are on top of at."""
    if step.slug in plan.settled:
        return part(plan.settled[step.slug], tooling=False)
    old = part(step.commit, tooling=False)
    below = {} if first else part(before, tooling=False)
    files = old if first or part(at, tooling=False) == below else _replayed(tool, at, below, old, step.slug, say)
    if step.slug in plan.edits:
        edited = part(plan.edits[step.slug], tooling=False)
        files = edited if files == old else _replayed(tool, git.commit(git.make_tree({**tool, **files}), [], step.slug), old, edited, step.slug, say)
    return files


def _turn(plan, tool, steps, slug, begins, commit, say):
    old, new = (next(step for step in each if step.slug == begins) for each in (plan.old.steps, steps))
    below, turned = part(old.commit, tooling=False), part(commit, tooling=False)
    same = part(new.commit, tooling=False) == below
    files = turned if same else _replayed(tool, new.commit, below, turned, f"wrong-{slug}", say)
    return slug, _commit_like(commit, git.make_tree({**tool, **files}), new.commit)


def _commit_like(commit, tree, parent):
    if git.tree(commit) == tree and git.parents(commit) == [parent]:
        return commit
    return git.commit(tree, [parent], git.message(commit), like=commit)


def _replayed(tool, at, before, after, slug, say):
    """The step files that come of making the change from before to after once more, on top of at; tooling is the same on all sides."""
    parent = git.commit(git.make_tree({**tool, **before}), [], "before")
    change = git.commit(git.make_tree({**tool, **after}), [parent], f"step {slug}")
    worktree = scratch(slug)
    git.ask("worktree", "add", "-q", "--detach", str(worktree), at)
    if git.ask(*REPLAY, change, cwd=worktree, check=False) is None:
        for line in git.lines("status", "--porcelain", cwd=worktree):
            if line.startswith("UD "):  # changed by a fix, deleted by a later step: the deletion wins
                git.ask("rm", "-q", line[3:], cwd=worktree)
                say(f"  {slug} deletes {line[3:]}, which an earlier step has changed: deleted")
        if unmerged := sorted({line.split("\t")[1] for line in git.lines("ls-files", "-u", cwd=worktree)}):
            raise Conflict(f"{slug} does not apply: settle {', '.join(unmerged)} in {worktree}, git add them, then ./lab publish --continue", 3)
    tree = git.ask("write-tree", cwd=worktree)
    discard(worktree)
    return part(tree, tooling=False)


def scratch(name):
    path = HERE.home / ".lab" / "publish" / name
    discard(path)
    return path


def discard(path):
    git.ask("worktree", "remove", "--force", str(path), check=False)
    shutil.rmtree(path, ignore_errors=True)
    git.ask("worktree", "prune")


# What was settled by hand, between a conflict and --continue


def _note():
    return HERE.home / ".lab" / "publish.json"


@contextmanager
def _remembering(plan):
    """Keep what was settled where a conflict stops the publication; forget it when it ends."""
    try:
        yield
    except Conflict as conflict:
        slug = conflict.args[0].split(" ", 1)[0]
        _note().parent.mkdir(exist_ok=True)
        _note().write_text(json.dumps({"main": plan.main, "at": slug, "settled": plan.settled}))
        raise
    _note().unlink(missing_ok=True)


def resume(plan):
    """Take the settled worktree of a stopped publication into the plan."""
    if not _note().exists():
        raise Failed("there is no publication to continue", 2)
    noted = json.loads(_note().read_text())
    worktree = HERE.home / ".lab" / "publish" / noted["at"]
    if noted["main"] != plan.main or not worktree.exists():
        raise Failed("main has changed since; begin again with ./lab publish", 2)
    if git.ask("ls-files", "-u", cwd=worktree):
        raise Failed(f"not all is settled yet in {worktree}; git add what is", 2)
    git.ask("rerere", cwd=worktree)
    plan.settled.update(noted["settled"], **{noted["at"]: git.ask("write-tree", cwd=worktree)})
    discard(worktree)


# Publishing


def publish(say, *, prove=proving.prove, linear=False, going_on=False, dry=False):
    """Rebuild the chain, prove what is not proved yet, and join it to main; True if anything changed."""
    begun = plan()
    if going_on:
        resume(begun)
    with _remembering(begun):
        base, steps, turns = build(begun, say, linear=linear)
    for before, step in zip([Step("", base), *steps], steps, strict=False):
        say(f"  {step.slug}: {budget(before.commit, step.commit)}{'' if step in begun.old.steps else ', new'}")
    if dry:
        return False
    listed = chains.proved(begun.main)
    proofs = proving.bring_up_to_date(steps, listed, prove, say) if prove else {slug: key for slug, key in listed.items() if proving.is_key(steps, slug, key)}
    unchanged = begun.old == chains.Chain(tuple(steps), base, tuple(turns)) and proofs == listed
    if unchanged and chains.publication(begun.main):
        say("nothing to publish")
        return False
    if not _join(begun, steps, turns, proofs, linear):
        say("main has moved meanwhile: once more")
        return publish(say, prove=prove, linear=linear)
    for step in steps:
        drop_edit(step.slug)
    for slug, *_ in begun.turns:
        git.ask("branch", "-q", "-D", f"wrong/{slug}", check=False)
    chains.make_tags(say)
    return True


def _join(begun, steps, turns, proofs, linear):
    """Advance main to the new chain, if it is still where it was."""
    tip = steps[-1].commit
    if not linear:
        notes = [f"Published: {tip}", *(f"Proved: {slug} {key}" for slug, key in proofs.items())]
        parents = [begun.main, tip, *(commit for _, commit in turns)]
        tip = git.commit(git.tree(tip), parents, f"Publish {len(steps)} steps\n\n" + "\n".join(notes) + "\n")
    ref = chains.main()
    if ref == "HEAD" or git.ask("symbolic-ref", "-q", "HEAD", check=False) == ref:
        return git.ask("rev-parse", ref) == begun.main and git.ask("merge", "-q", "--ff-only", tip, check=False) is not None
    return git.ask("update-ref", "-m", "publish", ref, tip, begun.main, check=False) is not None


def budget(before, after):
    """How much a step changes outside tests and documents, moves not counted; with a warning where that is much."""
    counted = [line.split("\t") for line in git.lines("diff", "--numstat", "-M30%", before, after, "--", ".", ":(exclude)tests", ":(exclude)docs")]
    changes = [int(added) + int(removed) for added, removed, _ in counted if added != "-"]
    files, changed = sum(change > 0 for change in changes), sum(changes)
    over = " (over budget: its page says why)" if files > MOST_FILES or changed > MOST_LINES else ""
    return f"{files} files, {changed} lines{over}"


# Mending an earlier step


def open_edit(step):
    """The worktree in which step is mended, on a branch of its own."""
    path, branch = HERE.home / ".lab" / "edit" / step.slug, f"edit/{step.slug}"
    if not (path / ".git").exists():
        git.ask("worktree", "prune")
        made = [branch] if _branch(branch) else ["-b", branch, step.commit]
        git.ask("worktree", "add", "-q", *([str(path), *made] if len(made) == 1 else [*made[:2], str(path), made[2]]))
    return path


def drop_edit(slug):
    path = Path(HERE.home / ".lab" / "edit" / slug)
    if path.exists():
        discard(path)
    git.ask("branch", "-q", "-D", f"edit/{slug}", check=False)
