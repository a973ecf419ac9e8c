"""The chain of steps, read from main: which commit is which step, and worktrees of the steps.

A step's commit has the trailer `Step: NN-slug`. Main's newest merge with the trailer `Published:
<tip>` has the chain as its second parent; steps that are not published yet lie on main itself.
Dates and subjects of commits play no part."""

from dataclasses import dataclass

from tools.lab.ground.failed import Failed
from tools.lab.ground.tree import HERE, Tree, is_tooling
from tools.lab.steps import git


@dataclass(frozen=True)
class Step:
    """One lesson: its commit's own files, with the tooling of the day."""

    slug: str
    commit: str

    @property
    def tag(self):
        return f"step-{self.slug}"


@dataclass(frozen=True)
class Chain:
    """The steps from the first on, the commit below them, and the wrong turns as (slug, commit)."""

    steps: tuple = ()
    base: str | None = None
    wrong: tuple = ()

    def at(self, slug):
        return next((number for number, step in enumerate(self.steps) if step.slug == slug), None)


def part(commit, *, tooling):
    """The files of a commit that are tooling, or those that are step files: {path: entry}."""
    return {
        path: entry for path, entry in git.entries(commit).items() if is_tooling(path) is tooling
    }


def main():
    """The ref that the chain is read from; None where nothing is committed yet."""
    refs = ("refs/heads/main", "refs/remotes/origin/main", "HEAD")
    there = (ref for ref in refs if git.ask("rev-parse", "-q", "--verify", ref, check=False))
    return next(there, None)


def read(ref=None):
    """The chain at ref, which is main unless given; empty where there is none."""
    if not git.is_here():
        return Chain()
    found, start = {}, ref or main()
    wrong = _wrong_turns(start) if start else ()
    while start:
        start = _walk(start, found)
    steps = tuple(Step(slug, commit) for slug, commit in reversed(found.items()))
    if not steps or not steps[0].slug.startswith("00-"):
        return Chain()
    base = git.ask("rev-parse", "-q", "--verify", f"{steps[0].commit}^", check=False)
    return Chain(steps, base, wrong)


def _walk(ref, found):
    """Collect the newest commit of each slug below ref, first parents only; return where the walk
    continues, or None."""
    log = git.lines(
        "log",
        "--first-parent",
        "--format=%H|%P|%(trailers:key=Step,valueonly,separator=%x2C)"
        "|%(trailers:key=Published,valueonly)",
        ref,
    )
    for commit, parents, slug, published in (line.split("|") for line in log if line):
        if slug:
            found.setdefault(slug, commit)
        if slug.startswith("00-"):
            return None
        if published and len(parents.split()) > 1:
            return parents.split()[1]
    return None


def publication(ref=None):
    """The newest publication that ref has, or None."""
    log = git.lines(
        "log", "--first-parent", "--format=%H|%(trailers:key=Published,valueonly)", ref or main()
    )
    return next((line.split("|")[0] for line in log if line.partition("|")[2]), None)


def _wrong_turns(ref):
    newest = publication(ref)
    if newest is None:
        return ()
    turns = git.parents(newest)[2:]
    return tuple((git.trailers(commit, "Wrong")[0], commit) for commit in turns)


def proved(ref=None):
    """{slug: key} as the newest publication lists them."""
    newest = publication(ref)
    if newest is None:
        return {}
    return dict(line.split(" ") for line in git.trailers(newest, "Proved") if line)


def no_steps():
    """Why there are no steps here, and how to get them, in one line."""
    if not git.is_here():
        return "the steps are commits: they need git, and a clone of the repository"
    if git.is_shallow():
        return "this clone is shallow and lacks the steps; get them with git fetch --unshallow"
    return "there is no step here: no commit below main has the trailer Step: 00-..."


def is_named(slug, words):
    """Whether N, NN, NN-slug or step-NN-slug is the name of this step."""
    name = words.removeprefix("step-")
    return name in (slug, slug[:2], slug[:2].removeprefix("0"))


def find(words, chain):
    """The step that these words name; Failed if there is none."""
    named = [step for step in chain.steps if is_named(step.slug, words)]
    if not chain.steps:
        raise Failed(f"there is no step {words} here; {no_steps()}", 2)
    if not named:
        known = ", ".join(step.slug for step in chain.steps)
        raise Failed(f"there is no step {words}; there are: {known}", 2)
    return named[0]


def worktree(step):
    """The step's tree in a worktree, which is kept and used again; Failed if somebody has changed
    it."""
    path = HERE.home / ".lab" / "steps" / step.slug
    if (path / ".git").exists():
        if changed := git.uncommitted(path):
            raise Failed(
                f"{path} has been changed: {', '.join(changed)}; use ./lab edit to repair a step",
                2,
            )
        git.ask("checkout", "-q", "--detach", step.commit, cwd=path)
    else:
        git.ask("worktree", "prune")
        git.ask("worktree", "add", "-q", "--detach", str(path), step.commit)
    return Tree(path, HERE.home)
