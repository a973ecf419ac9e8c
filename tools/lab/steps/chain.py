"""The chain of steps, read from main: which commit is which step, their tags, and worktrees of
them.

A step's commit has the trailer `Step: NN-slug`. Main's newest merge with the trailer `Published:
<tip>` has the chain as its second parent; steps that are not published yet lie on main itself.
Nothing is searched by date or by the words of a message."""

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
    """The files of a commit that are tooling, or those that are a step's own: {path: entry}."""
    return {
        path: entry for path, entry in git.entries(commit).items() if is_tooling(path) is tooling
    }


def main():
    """The ref that the chain is read from."""
    return next(
        (
            ref
            for ref in ("refs/heads/main", "refs/remotes/origin/main")
            if git.ask("rev-parse", "-q", "--verify", ref, check=False)
        ),
        "HEAD",
    )


def read(ref=None):
    """The chain as ref tells it, main unless given; empty where there is none."""
    if not git.is_here():
        return Chain()
    found, start = {}, ref or main()
    wrong = _wrong_turns(start)
    while start:
        start = _walk(start, found)
    steps = tuple(Step(slug, commit) for slug, commit in reversed(found.items()))
    if not steps or not steps[0].slug.startswith("00-"):
        return Chain()
    return Chain(
        steps, git.ask("rev-parse", "-q", "--verify", f"{steps[0].commit}^", check=False), wrong
    )


def _walk(ref, found):
    """Note the newest commit of each slug below ref, first parents only; answer where the walk goes
    on, if it does."""
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
    return (
        tuple((git.trailers(commit, "Wrong")[0], commit) for commit in git.parents(newest)[2:])
        if newest
        else ()
    )


def proved(ref=None):
    """{slug: key} as the newest publication lists them."""
    newest = publication(ref)
    return (
        dict(line.split(" ") for line in git.trailers(newest, "Proved") if line) if newest else {}
    )


def make_tags(say):
    """Make each step's tag, or move it, where it is not at its step; a fetch never moves tags of an
    existing clone."""
    chain, moved = read(), []
    at = (
        dict(
            line.split(" ")
            for line in git.lines(
                "for-each-ref", "--format=%(refname:strip=2) %(objectname)", "refs/tags"
            )
        )
        if chain.steps
        else {}
    )
    for tag, commit in [
        *((step.tag, step.commit) for step in chain.steps),
        *((f"wrong-{slug}", commit) for slug, commit in chain.wrong),
    ]:
        if at.get(tag) != commit:
            git.ask("update-ref", f"refs/tags/{tag}", commit)
            moved.append(tag)
    if moved:
        say(f"tags brought up to date: {', '.join(moved)}")
    return chain


def find(words, chain):
    """The step that NN, NN-slug or step-NN-slug names; Failed if there is none."""
    wanted = words.removeprefix("step-")
    named = [step for step in chain.steps if wanted in (step.slug, step.slug[:2])]
    if not named:
        raise Failed(
            f"there is no step {words}; there are: "
            f"{', '.join(step.slug for step in chain.steps) or HERE.slug}",
            2,
        )
    return named[0]


def worktree(step):
    """A tree of the step in a worktree of its own, which is kept and used again; Failed if somebody
    has changed it."""
    path = HERE.home / ".lab" / "steps" / step.slug
    if (path / ".git").exists():
        if changed := git.lines("status", "--porcelain", cwd=path):
            raise Failed(
                f"{path} has been changed: {', '.join(line[3:] for line in changed)}; use ./lab "
                "edit to mend a step",
                2,
            )
        git.ask("checkout", "-q", "--detach", step.commit, cwd=path)
    else:
        git.ask("worktree", "prune")
        git.ask("worktree", "add", "-q", "--detach", str(path), step.commit)
    return Tree(path, HERE.home)
