"""Git, asked by its command: what it answers, or Failed with its own last words."""

import os
import subprocess
import tempfile

from tools.lab.ground.failed import Failed
from tools.lab.ground.tree import HERE

SETTINGS = {
    # a file newly added to a package that a later step moves goes along
    "merge.directoryRenames": "true",
    "rerere.enabled": "true",
    "rerere.autoUpdate": "true",
    "commit.gpgSign": "false",
    "core.hooksPath": os.devnull,
    "advice.detachedHead": "false",
}
COMMAND = ["git", *(word for name, value in SETTINGS.items() for word in ("-c", f"{name}={value}"))]


def ask(*words, cwd=None, text=None, environment=None, check=True):
    """What `git WORDS` prints, without its last newline; None if it fails and check is false."""
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
    """Whether this checkout is a repository at all: an archive of it is none, not even when it lies
    in another's."""
    try:
        return ask("rev-parse", "--show-toplevel", check=False) == str(HERE.path)
    except FileNotFoundError:
        return False


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
    """A commit of tree; with the author and the date of the commit like, if that is given."""
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


def trailers(commit, key):
    """The values of a trailer, which stands in the last paragraph of a message."""
    return lines("show", "-s", f"--format=%(trailers:key={key},valueonly)", commit)


def message(commit):
    return ask("show", "-s", "--format=%B", commit)


def tree(commit):
    return ask("rev-parse", f"{commit}^{{tree}}")


def parents(commit):
    return ask("show", "-s", "--format=%P", commit).split()
