"""The measurements of a step: kept as JSON in docs/measurements, and written into the step's page
as tables.

A file holds {command: {"kind": of measurement, "files": a digest of the step's own files,
"machine": ..., "figures": ...}}. Figures with another digest than the step has now are stale."""

import hashlib
import json
import os
import platform
import re
import subprocess
from pathlib import Path
from statistics import median

from rich.table import Table

from tools.lab.ground.tree import HERE, is_tooling

FOLDER = HERE.path / "docs" / "measurements"
NUMBERS = re.compile(r"(?<=<!-- numbers -->\n).*(?=<!-- /numbers -->)", re.DOTALL)
COST = re.compile(r"CPU of (?P<process>.+) for (?P<request>.+), ms")
HEADLINES = ("book, p50 ms", "memory of the web process, MB")


def read(slug):
    path = FOLDER / f"{slug}.json"
    return json.loads(path.read_text()) if path.exists() else {}


def keep(tree, kind, command, figures):
    """Keep the figures of a command, and update the page of the tree's step."""
    FOLDER.mkdir(exist_ok=True)
    measured = {
        **read(tree.slug),
        command: {"kind": kind, "files": digest(tree), "machine": machine(), "figures": figures},
    }
    measured = dict(
        sorted(measured.items(), key=lambda item: (list(TABLES).index(item[1]["kind"]), item[0]))
    )
    (FOLDER / f"{tree.slug}.json").write_text(json.dumps(measured, indent=1) + "\n")
    page = page_of(tree.slug)
    if page.exists():
        page.write_text(with_numbers(page.read_text(), measured, digest(tree)))


def headline(slug):
    """The figures of a step for the list of steps, as a text."""
    measured = read(slug)
    ratios, rate = (
        next((each["figures"] for each in measured.values() if each["kind"] == kind), {})
        for kind in ("bench", "rate")
    )
    held = [f"{rate['held']:g} requests a second held"] if "held" in rate else []
    return ", ".join(
        [f"{name} {median(ratios[name]):.3g}" for name in HEADLINES if name in ratios] + held
    )


def page_of(slug):
    return HERE.path / "docs" / "steps" / f"{slug}.md"


def with_numbers(text, measured, files):
    """The page's text with its tables made from the measurements.

    files is the digest of the step's files today: the page names the figures of older files."""
    paragraphs = [
        f"From `{command}`: {TABLES[each['kind']](each['figures'])}"
        for command, each in measured.items()
    ]
    machines = sorted({each["machine"] for each in measured.values()})
    paragraphs.append(f"Measured on {' and '.join(machines)}.")
    if stale := [command for command, each in measured.items() if each["files"] != files]:
        commands = ", ".join(f"`{command}`" for command in stale)
        paragraphs.append(
            f"The code of this step has changed since these were measured: {commands}."
        )
    return NUMBERS.sub(lambda _: "\n".join([*paragraphs, ""]), text)


def show(out, figures):
    """Print {name: [measured value, ...]} as a table."""
    table = Table("figure", "median (lowest to highest)", box=None)
    for name, values in figures.items():
        table.add_row(name, spread(values))
    out.print(table)


def _ratios(figures):
    return f"medians, with the lowest and highest.{_counts(figures)}"


def _counts(figures):
    """A table of the figures; those of CPU time as a table of processes and requests."""
    costs, others = {}, {}
    for name, values in figures.items():
        if found := COST.fullmatch(name):
            costs.setdefault(found["process"], {})[found["request"]] = values
        else:
            others[name] = values
    return _rows(others) + (_costs(costs) if costs else "")


def _costs(costs):
    requests = list(dict.fromkeys(request for each in costs.values() for request in each))
    last = {name: each for name, each in costs.items() if name != "all"} | {"all": costs["all"]}
    rows = [
        f"| {process} | "
        + " | ".join(spread(each[request]) if request in each else "" for request in requests)
        + " |"
        for process, each in last.items()
    ]
    return "\n".join(
        [
            "",
            "CPU time of a request by process, in milliseconds; a process's work after the answer "
            "counts, its work at rest does not:",
            "",
            f"| process | {' | '.join(requests)} |",
            f"| --- |{' --- |' * len(requests)}",
            *rows,
            "",
        ]
    )


def _rows(figures):
    return "\n".join(
        [
            "\n",
            "| figure | |",
            "| --- | --- |",
            *(f"| {name} | {spread(values)} |" for name, values in figures.items()),
            "",
        ]
    )


def _latencies(figures):
    rows = [
        f"| {name} | {each['p50']:.0f} | {each['p95']:.0f} | {each['p99']:.0f} |"
        for name, each in figures["operations"].items()
        if each["count"]
    ]
    about = (
        f"{figures['rate']:g} requests a second, {figures['errors']} errors, every promise "
        "kept; in milliseconds from the time when a request was due.\n"
    )
    return "\n".join(
        [about, "| operation | p50 | p95 | p99 |", "| --- | --- | --- | --- |", *rows, ""]
    )


def _rate(figures):
    return (
        f"{figures['held']:g} requests a second were held, where the limit was "
        f"{figures['limit']}.\n"
    )


def _fault(figures):
    lost = [
        f"{count} x {name}" for name, count in {**figures["failed"], **figures["broken"]}.items()
    ]
    return (
        f"of {figures['requests']} requests at {figures['rate']:g} a second, "
        f"{', '.join(lost) or 'none failed'}.\n"
    )


def _outages(figures):
    kinds = ("works", "later", "fails")
    rows = [
        f"| {component} | {' | '.join(', '.join(each[kind]) for kind in kinds)} |"
        for component, each in figures.items()
    ]
    about = (
        "what a customer can do while a component is stopped, and what happens later, when it "
        "runs again.\n"
    )
    return "\n".join(
        [about, "| without | works | later | fails |", "| --- | --- | --- | --- |", *rows, ""]
    )


TABLES = {
    "bench": _ratios,
    "coupling": _counts,
    "load": _latencies,
    "rate": _rate,
    "fault": _fault,
    "outages": _outages,
}


def spread(values):
    """The median of the values, with the lowest and highest, to three significant digits."""
    middle = f"{median(values):.3g}"
    return middle if len(values) == 1 else f"{middle} ({min(values):.3g} to {max(values):.3g})"


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
    paths = step_files(tree)
    blobs = _git(tree.path, "hash-object", "--stdin-paths", stdin="\n".join(paths)).splitlines()
    return _hash(zip(paths, blobs, strict=True))


def digest_of(commit):
    """The same hash for a commit, from git's data only."""
    listed = _git(HERE.path, "ls-tree", "-r", "-z", commit).split("\0")
    entries = (line.partition("\t")[::2] for line in listed if line)
    return _hash(
        sorted((path, entry.split()[2]) for entry, path in entries if not is_tooling(path))
    )


def _hash(files):
    text = "".join(f"{path} {blob}\n" for path, blob in files)
    return hashlib.sha256(text.encode()).hexdigest()


def step_files(tree):
    """The step's own files in a tree, in order, without those that git ignores."""
    listed = _git(tree.path, "ls-files", "-co", "-z", "--exclude-standard")
    return sorted(
        path
        for path in listed.split("\0")
        if path and not is_tooling(path) and (tree.path / path).is_file()
    )


def _git(path, *words, stdin=None):
    done = subprocess.run(
        ["git", *words], cwd=path, input=stdin, capture_output=True, text=True, check=True
    )
    return done.stdout
