"""The facts of a step for a comparison, read from its files, from git and from kept results:
experiment/facts.py names them."""

from tools.lab.experiment.facts import (
    CHANGES,
    IMPORTS,
    JOINS,
    KEYS,
    LARGEST,
    LINES,
    PROCESSES,
    REMOVED,
)
from tools.lab.experiment.origin import digest
from tools.lab.measure.coupling import KIT, internal_imports, lines_of
from tools.lab.report import store
from tools.lab.steps import changes, git

# {what a kept `./lab coupling` calls it: fact}
COUPLED = {
    "foreign keys between modules": KEYS,
    "statements that use tables of several modules": JOINS,
}
# what a step runs on; tests and documents are left out
CODE = ("monolith", "extracted", KIT, "facade", "migrations", "Procfile")


def facts(tree, chain):
    """{key: value} of what is known of a step's tree today."""
    lines = lines_of(tree)
    return {
        PROCESSES: len(tree.processes()),
        IMPORTS: len(internal_imports(tree)),
        **coupling(tree),
        LINES: lines,
        LARGEST: max(count for name, count in lines.items() if name != KIT),
        **removed(tree, chain),
        CHANGES: changed(tree),
    }


def drills(tree):
    """{drill: outcome} of what is kept of a step's files today."""
    return {
        name: outcome
        for result in kept(tree, "break")
        for name, outcome in result.drills.get(tree.slug, {}).items()
    }


def kept(tree, kind):
    """The kept results of this kind that were measured on just these files."""
    files = digest(tree)
    return [
        each
        for each in store.read(tree.slug)
        if each.kind == kind and each.files.get(tree.slug) == files
    ]


def coupling(tree):
    return {
        COUPLED[name]: values[0]
        for result in kept(tree, "coupling")
        for name, values in result.figures[tree.slug].items()
        if name in COUPLED
    }


def removed(tree, chain):
    """The lines of code that a step removes against the step before; a moved line is none."""
    at = chain.at(tree.slug)
    if not at:
        return {}
    before = chain.steps[at - 1].commit
    stat = git.ask("diff", "--numstat", "-M30%", before, "--", *CODE, cwd=tree.path, check=False)
    counts = [line.split("\t")[1] for line in (stat or "").splitlines()]
    return {REMOVED: sum(int(count) for count in counts if count != "-")} if counts else {}


def changed(tree):
    """{title of a change: [files, lines, processes to deploy]} of the same change at each step."""
    procfile = (tree.path / "Procfile").read_text()
    counted = {
        change.title: changes.count(change.patch(tree.slug), procfile)
        for change in changes.known().values()
    }
    return {title: [each.files, each.lines, len(each.processes)] for title, each in counted.items()}
