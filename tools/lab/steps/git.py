"""Git, called as a command: its output, or Failed with its own error message."""

import os
import re
import shutil
import subprocess
import tempfile
from functools import lru_cache
from pathlib import Path

from tools.lab.ground.failed import Failed
from tools.lab.ground.tree import HERE

SETTINGS = {
    # a new file in a package that a later step moves is moved too
    "merge.directoryRenames": "true",
    "rerere.enabled": "true",
    "rerere.autoUpdate": "true",
    "commit.gpgSign": "false",
    "core.hooksPath": os.devnull,
    "core.excludesFile": os.devnull,
    "advice.detachedHead": "false",
}
# what these print of an id never changes, and a publication needs it several times
OF_AN_ID = ("ls-tree", "show", "rev-parse")
ID = re.compile(r"[0-9a-f]{40}(\^\{tree\})?")
COMMAND = ["git", *(word for name, value in SETTINGS.items() for word in ("-c", f"{name}={value}"))]


def ask(*words, cwd=None, text=None, environment=None, check=True):
    """The output of `git WORDS` without its last newline; None if it fails and check is false."""
    if words[0] in OF_AN_ID and ID.fullmatch(words[-1]) and check:
        return _ask_once(*words)
    return _ask(words, cwd, text, environment, check)


@lru_cache(maxsize=512)
def _ask_once(*words):
    return _ask(words)


def _ask(words, cwd=None, text=None, environment=None, check=True):
    done = subprocess.run(
        [*COMMAND, *words],
        cwd=cwd or HERE.path,
        input=text,
        capture_output=True,
        encoding="utf-8",
        env={**os.environ, **(environment or {})},
    )
    if done.returncode and check:
        raise Failed(f"git {words[0]}: {(done.stderr or done.stdout).strip()}")
    return None if done.returncode else done.stdout.rstrip("\n")


def lines(*words, **options):
    return ask(*words, **options).splitlines()


def is_here():
    """Whether this checkout is a git repository of its own, and not an unpacked archive; Failed
    with git's words if it refuses to read the repository."""
    if not (HERE.path / ".git").exists() or not shutil.which("git"):
        return False
    return Path(ask("rev-parse", "--show-toplevel")).samefile(HERE.path)


def is_shallow():
    return ask("rev-parse", "--is-shallow-repository", check=False) == "true"


def entries(tree):
    """{path: "mode type id"} of every file in a tree or commit."""
    listed = (line.split("\t", 1) for line in ask("ls-tree", "-r", "-z", tree).split("\0") if line)
    return {path: entry for entry, path in listed}


def make_tree(entries):
    """The id of a tree that has just these entries."""
    with tempfile.TemporaryDirectory() as folder:
        index = {"GIT_INDEX_FILE": f"{folder}/index"}
        ask(
            "update-index",
            "-z",
            "--index-info",
            text="".join(f"{entry}\t{path}\0" for path, entry in entries.items()),
            environment=index,
        )
        return ask("write-tree", environment=index)


def commit(tree, parents, message, like=None):
    """A new commit of tree, with the author and the date of the commit like, if that is given."""
    author = {}
    if like:
        name, email, date = lines("show", "-s", "--format=%an%n%ae%n%ad", "--date=raw", like)
        author = {"GIT_AUTHOR_NAME": name, "GIT_AUTHOR_EMAIL": email, "GIT_AUTHOR_DATE": date}
    return ask(
        "commit-tree",
        tree,
        *(word for parent in parents for word in ("-p", parent)),
        text=message,
        environment=author,
    )


def branch(name):
    """The commit of a branch, or None."""
    return ask("rev-parse", "-q", "--verify", f"refs/heads/{name}", check=False)


def uncommitted(path):
    """The files of a worktree that have changes which are not committed."""
    return [line[3:] for line in lines("status", "--porcelain", cwd=path)]


def trailers(commit, key):
    """The values of a trailer, which stands in the last paragraph of a message."""
    return lines("show", "-s", f"--format=%(trailers:key={key},valueonly)", commit)


def with_trailer(message, key, value):
    """The message with this one trailer of that key, added or replaced."""
    return ask(
        "interpret-trailers",
        "--no-divider",
        "--if-exists=replace",
        "--if-missing=add",
        "--trailer",
        f"{key}: {value}",
        text=message.rstrip("\n") + "\n",
    )


def message(commit):
    return ask("show", "-s", "--format=%B", commit)


def tree(commit):
    return ask("rev-parse", f"{commit}^{{tree}}")


def parents(commit):
    return ask("show", "-s", "--format=%P", commit).split()
