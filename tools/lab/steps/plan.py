"""What a publication starts from, and the checks that it must pass first."""

import json
from dataclasses import dataclass, field

from tools.lab.ground.failed import Failed
from tools.lab.ground.tree import HERE, is_tooling
from tools.lab.steps import chain as chains
from tools.lab.steps import edits, git
from tools.lab.steps.chain import part

MAIN = "refs/heads/main"


@dataclass
class Plan:
    """Main and its tooling, the chain, the edits and wrong turns; resolved conflicts as {name:
    tree}."""

    main: str
    tool: dict
    old: chains.Chain
    edits: dict
    turns: list
    resolved: dict = field(default_factory=dict)

    @property
    def start(self):
        """A text that changes when the input of a resolved conflict changes."""
        return json.dumps([self.main, self.edits, self.turns])


def plan():
    """The plan of a publication; Failed where main or an edit is not in order."""
    if not git.is_here():
        raise Failed("this checkout is no git repository", 2)
    if (main := git.branch("main")) is None:
        raise Failed("there is no branch main here; make it with git branch main origin/main", 2)
    _check_worktrees()
    old = chains.read(main)
    if not old.steps:
        raise Failed(chains.no_steps(), 2)
    _check_list(main, old)
    _check_tip(main, old)
    return Plan(main, part(main, tooling=True), old, _edits(main, old), _turns(old))


def _check_worktrees():
    """Refuse a main that is checked out elsewhere, and changes that are not committed."""
    elsewhere = git.ask("for-each-ref", "--format=%(worktreepath)", MAIN)
    if elsewhere not in ("", str(HERE.path)):
        raise Failed(f"main is checked out in {elsewhere}: publish from there", 2)
    for path in (HERE.path, *edits.worktrees()):
        if changed := git.uncommitted(path):
            raise Failed(f"not committed in {path}: {', '.join(changed)}; commit or remove it", 2)


def _edits(main, old):
    """{slug: (where it began, its tip)} of the branches edit/SLUG, which may have begun before the
    newest publication."""
    found = {}
    for slug in (step.slug for step in old.steps):
        if tip := git.branch(f"edit/{slug}"):
            began = git.ask("merge-base", main, tip)
            if git.trailers(began, "Step") != [slug]:
                raise Failed(
                    f"edit/{slug} is not on top of its step: add commits, and amend no older one",
                    2,
                )
            _check_commits(f"{began}..{tip}", tooling_too=False)
            found[slug] = began, tip
    return found


def _turns(old):
    """[(slug, the step it begins at, commit)] of the published wrong turns and of the branches
    wrong/SLUG."""
    new = {
        name.removeprefix("wrong/"): git.branch(name)
        for name in git.lines("for-each-ref", "--format=%(refname:short)", "refs/heads/wrong/")
    }
    slugs, turns = {step.slug for step in old.steps}, []
    for slug, commit in {**dict(old.wrong), **new}.items():
        begins = git.trailers(f"{commit}^", "Step") if git.parents(commit) else []
        if not {*begins} & slugs or git.trailers(commit, "Wrong") != [slug]:
            raise Failed(
                f"wrong/{slug} must be one commit on top of a step, with the trailer Wrong: {slug}",
                2,
            )
        _check_commits(f"{commit}^..{commit}", tooling_too=False)
        turns.append((slug, begins[0], commit))
    return turns


def _check_list(main, old):
    """Refuse a list of steps with a gap, or without a step that the newest publication has."""
    slugs, newest = [step.slug for step in old.steps], chains.publication(main)
    before = [step.slug for step in chains.read(newest).steps] if newest else []
    numbers = [f"{number:02}" for number in range(len(slugs))]
    if [slug[:2] for slug in slugs] != numbers or slugs[: len(before)] != before:
        raise Failed(
            f"the list of steps has changed: {', '.join(before) or 'none'} before, "
            f"{', '.join(slugs)} now; ./lab publish --rename OLD=NEW renames a step",
            2,
        )


def _check_tip(main, old):
    """Refuse step files on main that the last step does not have."""
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
    """Refuse a commit that changes tooling and step files both, or tooling at all."""
    for commit in git.lines("rev-list", "--no-merges", "--first-parent", range):
        touched = git.lines("diff-tree", "--no-commit-id", "--name-only", "-r", commit)
        kinds = {is_tooling(path) for path in touched}
        if kinds == {True, False}:
            raise Failed(f"commit {commit[:8]} changes tooling and step files both: split it", 2)
        if kinds == {True} and not tooling_too:
            raise Failed(
                f"commit {commit[:8]} of a step changes tooling ({touched[0]}): do that on main", 2
            )
