"""Where figures come from: the machine that they were measured on, and the files of the step that
was measured: all but its tests and its road, which do not run then."""

import hashlib
import os
import platform
import subprocess
from pathlib import Path

from tools.lab.ground.tree import HERE, is_tooling

NOT_MEASURED = ("tests/", "migrations/roads/")


def machine():
    """The machine in a line: cores, processor, system, Python."""
    try:
        processor = next(
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        )
    except (OSError, StopIteration):
        processor = platform.processor()
    return (
        f"{os.cpu_count()} cores ({processor}), {platform.system()} {platform.machine()}, "
        f"Python {platform.python_version()}"
    )


def digest(tree):
    """A hash of the step's own files in a tree: figures belong to these files."""
    paths = files_of(tree)
    blobs = _git(tree.path, "hash-object", "--stdin-paths", stdin="\n".join(paths)).splitlines()
    return _hash(zip(paths, blobs, strict=True))


def digest_of(commit):
    """The same hash for a commit, from git's data only."""
    listed = _git(HERE.path, "ls-tree", "-r", "-z", commit).split("\0")
    entries = (line.partition("\t")[::2] for line in listed if line)
    return _hash(sorted((path, entry.split()[2]) for entry, path in entries if is_measured(path)))


def files_of(tree):
    """What figures of a tree belong to, in order, without what git ignores."""
    listed = _git(tree.path, "ls-files", "-co", "-z", "--exclude-standard")
    return sorted(
        path
        for path in listed.split("\0")
        if path and is_measured(path) and (tree.path / path).is_file()
    )


def is_measured(path):
    """Whether figures belong to a file of this path: a change there makes them out of date."""
    return not is_tooling(path) and not path.startswith(NOT_MEASURED)


def _hash(files):
    text = "".join(f"{path} {blob}\n" for path, blob in files)
    return hashlib.sha256(text.encode()).hexdigest()


def _git(path, *words, stdin=None):
    done = subprocess.run(
        ["git", *words], cwd=path, input=stdin, capture_output=True, text=True, check=True
    )
    return done.stdout
