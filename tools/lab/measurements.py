"""What was measured of a step: kept as JSON in docs/measurements, and written into the step's page as tables.

A file holds {kind of measurement: {"files": a digest of the step's own files, "machine": where, "figures": ...}}. Figures whose
digest is no longer that of the step are stale."""

import hashlib
import json
import os
import platform
import re
import subprocess
from statistics import median

from tools.lab.chain import is_tooling
from tools.lab.tree import HERE

FOLDER = HERE.path / "docs" / "measurements"
NUMBERS = re.compile(r"(?<=<!-- numbers -->\n).*(?=<!-- /numbers -->)", re.DOTALL)
HEADLINES = ("book, p50 ms", "memory of the web process, MB")
KINDS = {"bench": "From `./lab bench --keep`"}


def read(slug):
    path = FOLDER / f"{slug}.json"
    return json.loads(path.read_text()) if path.exists() else {}


def keep(tree, kind, figures):
    """Keep the figures of a tree's step, and bring its page up to date."""
    FOLDER.mkdir(exist_ok=True)
    measured = {**read(tree.slug), kind: {"files": digest(tree), "machine": machine(), "figures": figures}}
    (FOLDER / f"{tree.slug}.json").write_text(json.dumps(measured, indent=1) + "\n")
    page = page_of(tree.slug)
    if page.exists():
        page.write_text(with_numbers(page.read_text(), measured))


def headline(slug):
    """The few figures of a step that stand in the list of steps."""
    figures = read(slug).get("bench", {}).get("figures", {})
    return ", ".join(f"{name} {median(figures[name]):.3g}" for name in HEADLINES if name in figures)


def page_of(slug):
    return HERE.path / "docs" / "steps" / f"{slug}.md"


def with_numbers(text, measured):
    """The page with its tables made anew from what was measured."""
    return NUMBERS.sub(lambda _: "\n".join(_table(measured[kind], title) for kind, title in KINDS.items() if kind in measured), text)


def _table(measured, title):
    rows = [f"| {name} | {spread(values)} |" for name, values in measured["figures"].items()]
    return "\n".join([f"{title}, {measured['machine']}:", "", "| figure | median (lowest to highest) |", "| --- | --- |", *rows, ""])


def spread(values):
    """The median of values with their extremes, to three significant digits."""
    middle = f"{median(values):.3g}"
    return middle if len(values) == 1 else f"{middle} ({min(values):.3g} to {max(values):.3g})"


def machine():
    return f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}, Python {platform.python_version()}"


def digest(tree):
    """What the step's own files come to, as a hexadecimal text."""
    digest = hashlib.sha256()
    for path in step_files(tree):
        digest.update(f"{path}\n".encode() + (tree.path / path).read_bytes())
    return digest.hexdigest()


def step_files(tree):
    """The files of a tree that are its step's own, in order; what git ignores is not among them."""
    listed = subprocess.run(["git", "ls-files", "-co", "-z", "--exclude-standard"], cwd=tree.path, capture_output=True, text=True, check=True).stdout
    return sorted(path for path in listed.split("\0") if path and not is_tooling(path) and (tree.path / path).is_file())
