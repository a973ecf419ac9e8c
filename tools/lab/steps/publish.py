"""Publishing: the chain is built anew, proved, and joined to main: docs/contributing.md."""

import json
import subprocess
import sys

from tools.lab.ground.failed import Failed
from tools.lab.ground.tree import HERE
from tools.lab.steps import build, each, edits, git, jobs, keys, proving, tags
from tools.lab.steps import chain as chains
from tools.lab.steps.chain import Step
from tools.lab.steps.plan import MAIN, plan

MOST_FILES, MOST_LINES = 12, 300


def publish(say, *, prove=proving.prove, linear=False, going_on=False, dry=False, form=None):
    """Build the chain anew, prove what is not proved yet, join it to main; whether anything
    changed."""
    begun = plan()
    if going_on:
        resume(begun)
    base, steps, turns = _build(begun, form, say, linear)
    report(begun, base, steps, say)
    listed, pairs = chains.proved(begun.main), keys.pairs(steps, turns)
    if dry:
        unproved = [step.slug for _, step in keys.unlisted(pairs, listed)]
        say(f"  to be proved: {', '.join(unproved) or 'none'}")
        return False
    _must_be_in_style(steps[-1])
    if prove:
        proofs = proving.bring_up_to_date(pairs, listed, prove, say)
    else:
        proofs = keys.still_valid(pairs, listed)
    same = begun.old == chains.Chain(tuple(steps), base, tuple(turns))
    if same and (linear or proofs == listed and chains.publication(begun.main)):
        say("nothing to publish")
        return False
    if not _join(begun, steps, turns, proofs, linear):
        say("main has moved meanwhile: once more")
        return publish(say, prove=prove, linear=linear, form=form)
    _drop_branches(begun)
    tags.bring_up_to_date(say)
    return True


def _build(begun, form, say, linear):
    """The new chain; a conflict is written down, so that --continue can go on."""
    try:
        if form:
            built = each.build(begun, form, say, linear=linear)
        else:
            built = build.build(begun, say, linear=linear)
    except build.Conflict as conflict:
        stopped().write_text(
            json.dumps({"start": begun.start, "at": conflict.name, "resolved": begun.resolved})
        )
        raise
    stopped().unlink(missing_ok=True)
    return built


def report(begun, base, steps, say):
    """Say how much each step changes, and whether its commit is new."""
    old = {step.commit for step in begun.old.steps}
    for before, step in zip([Step("", base), *steps], steps, strict=False):
        new = "" if step.commit in old else ", new"
        say(f"  {step.slug}: {budget(before.commit, step.commit)}{new}")


def _must_be_in_style(step):
    """Failed with what ruff prints where it refuses a file of the last step, which main will be."""
    with jobs.checked_out(step.commit, step.slug[:2]) as tree:
        for command in ("check", "format --check"):
            ruff = [sys.executable, "-m", "ruff", *command.split(), "."]
            ran = subprocess.run(ruff, cwd=tree.path, capture_output=True, text=True)
            if ran.returncode:
                raise Failed(f"{step.slug}: ruff {command}\n{ran.stdout}{ran.stderr}")


def stopped():
    """The file about a publication that a conflict has stopped."""
    return HERE.home / ".lab" / "publish.json"


def resume(plan):
    """Take the resolved conflict of a stopped publication into the plan."""
    if not stopped().exists():
        raise Failed("there is no publication to continue", 2)
    noted = json.loads(stopped().read_text())
    worktree = edits.scratch(noted["at"])
    if noted["start"] != plan.start or not worktree.exists():
        raise Failed("main or an edit has changed since; begin again with ./lab publish", 2)
    if build.unmerged_files(worktree):
        raise Failed(f"there are still conflicts in {worktree}; git add what is resolved", 2)
    git.ask("rerere", cwd=worktree)
    tree = git.ask("write-tree", cwd=worktree)
    plan.resolved.update(noted["resolved"], **{noted["at"]: tree})
    edits.discard(worktree)


def _drop_branches(begun):
    """Remove what is published now: edits without further work, and branches of wrong turns."""
    for slug, (_, tip) in begun.edits.items():
        path = edits.edit_path(slug)
        if git.branch(f"edit/{slug}") == tip and not (path.exists() and git.uncommitted(path)):
            edits.drop_edit(slug)
    for slug, _, commit in begun.turns:
        if git.branch(f"wrong/{slug}") == commit:
            git.ask("branch", "-q", "-D", f"wrong/{slug}", check=False)


def _join(begun, steps, turns, proofs, linear):
    """Advance main to the new chain; false if main has moved meanwhile."""
    tip = steps[-1].commit
    if not linear:
        notes = [f"Published: {tip}", *(f"Proved: {slug} {key}" for slug, key in proofs.items())]
        parents = [begun.main, tip, *(commit for _, commit in turns)]
        message = f"Publish {len(steps)} steps\n\n" + "\n".join(notes) + "\n"
        tip = git.commit(git.tree(tip), parents, message)
    is_checked_out = git.ask("symbolic-ref", "-q", "HEAD", check=False) == MAIN
    advance = (
        ["merge", "-q", "--ff-only", tip]
        if is_checked_out
        else ["update-ref", "-m", "publish", MAIN, tip, begun.main]
    )
    try:
        git.ask(*advance)
    except Failed:
        if git.branch("main") == begun.main:
            raise
        return False
    return True


def budget(before, after):
    """How much a step changes outside tests and documents, moves not counted; a warning if that is
    too much."""
    without = [":(exclude)tests", ":(exclude)docs"]
    counted = [
        line.split("\t")
        for line in git.lines("diff", "--numstat", "-M30%", before, after, "--", ".", *without)
    ]
    changes = [int(added) + int(removed) for added, removed, _ in counted if added != "-"]
    files, changed = sum(change > 0 for change in changes), sum(changes)
    over = " (over budget: its page says why)" if files > MOST_FILES or changed > MOST_LINES else ""
    return f"{files} files, {changed} lines{over}"
