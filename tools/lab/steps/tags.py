"""The tags of the steps. Every call of `./lab` brings them up to date, since a fetch never moves a
tag that a clone already has."""

import contextlib
import hashlib
import re
from pathlib import Path

from tools.lab.ground.failed import Failed
from tools.lab.steps import chain as chains
from tools.lab.steps import git

OF_A_STEP = re.compile(r"step-[0-9]{2}-.*")
READ_FROM = ("refs/heads/main", "refs/remotes/origin/main", "refs/tags")


def keep_up_to_date(say):
    """The same as bring_up_to_date, in a few milliseconds if no tag and no main has moved since."""
    # most commands need no step, so they run where git or the file system refuses; the others fail
    # with the same words
    with contextlib.suppress(Failed, PermissionError):
        if not git.is_here():
            return
        folder = git.ask("rev-parse", "--path-format=absolute", "--git-common-dir")
        stamp = Path(folder) / "lab-tags"
        if stamp.exists() and stamp.read_text() == _state():
            return
        if bring_up_to_date(say).steps:
            stamp.write_text(_state())


def _state():
    """A digest of everything that the tags depend on, and of the tags."""
    refs = git.ask("for-each-ref", "--format=%(refname) %(objectname)", *READ_FROM)
    return hashlib.sha256(refs.encode()).hexdigest()


def bring_up_to_date(say):
    """Make, move and remove tags until each step has its tag; say so in one line. The chain."""
    chain = chains.read()
    if not chain.steps:
        return chain
    listed = git.lines("for-each-ref", "--format=%(refname:strip=2) %(objectname)", "refs/tags")
    there = dict(line.split(" ") for line in listed)
    tags = {step.tag: step.commit for step in chain.steps}
    tags |= {f"wrong-{slug}": commit for slug, commit in chain.wrong}
    moved = {tag: commit for tag, commit in tags.items() if there.get(tag) != commit}
    stale = [tag for tag in there if OF_A_STEP.fullmatch(tag) and tag not in tags]
    changes = [f"update refs/tags/{tag} {commit}" for tag, commit in moved.items()]
    changes += [f"delete refs/tags/{tag}" for tag in stale]
    text = "".join(f"{change}\n" for change in changes)
    # another ./lab may do the same at this moment
    if changes and git.ask("update-ref", "--stdin", text=text, check=False) is not None:
        removed = [f"{tag} removed" for tag in stale]
        say(f"tags brought up to date: {', '.join([*moved, *removed])}")
    return chain
