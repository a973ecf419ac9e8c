"""The Numbers of a step's page, made from the kept results."""

import re
from dataclasses import dataclass

from tools.lab.ground.tree import HERE
from tools.lab.report import store
from tools.lab.report.human import listed, middle, spread, with_unit

PAGES = HERE.path / "docs" / "steps"
NUMBERS = re.compile(r"(?<=<!-- numbers -->\n).*(?=<!-- /numbers -->)", re.DOTALL)
COST = re.compile(r"CPU of (?P<process>.+) for (?P<request>.+), ms")
COUPLING = (
    "imports of another module's internals",
    "foreign keys between modules",
    "statements that use tables of several modules",
    "statements to list events",
    "statements to hold",
    "statements to book",
)


@dataclass
class Kept:
    """All that is kept, and what the steps are today."""

    results: dict  # {slug: [Result, ...]} in the order of the steps
    files: dict  # {slug: digest of the step's files today}

    @classmethod
    def read(cls, files):
        return cls({slug: store.read(slug) for slug in files}, files)

    def of(self, slug, kind):
        return [each for each in self.results.get(slug, []) if each.kind == kind]

    def figures(self, slug, kind):
        """{name: values} of the newest result of a kind, or nothing."""
        return next((each.figures[slug] for each in self.of(slug, kind)), {})

    def beside(self, slug):
        """A step, the one before it and the first one: it is read beside these."""
        slugs = list(self.files)
        before = slugs[max(slugs.index(slug) - 1, 0)]
        return list(dict.fromkeys([slug, before, slugs[0]]))

    def older(self, slug):
        """The commands whose figures belong to older files of a step than today's."""
        return [
            each.command
            for each in self.results.get(slug, [])
            if each.files[slug] != self.files[slug]
        ]


def page(slug, kept):
    """The text of a step's page as it should be."""
    text = (PAGES / f"{slug}.md").read_text()
    return NUMBERS.sub(lambda _: numbers(slug, kept), text)


def numbers(slug, kept):
    """The tables of a step, each with a sentence that says how to read it."""
    parts = [coupling(slug, kept), rates(slug, kept), bench(slug, kept), origin(slug, kept)]
    return "\n".join(part for part in parts if part)


def coupling(slug, kept):
    steps = [each for each in kept.beside(slug) if kept.figures(each, "coupling")]
    if slug not in steps:
        return ""
    figures = [kept.figures(each, "coupling") for each in steps]
    rows = [[name, *(middle(each[name]) for each in figures)] for name in COUPLING]
    return said(
        "**How far the modules depend on each other.** Counted in the code, in the database, and "
        "in what the web process sends to the database for a request. Lower is better.",
        table(["", *map(heading(slug), steps)], rows),
    )


def rates(slug, kept):
    held = {
        each.command: each.figures[slug]["requests a second held"] for each in kept.of(slug, "rate")
    }
    return "".join(
        f"`{command}` found that {middle(values)} requests a second are held. Higher is better.\n"
        for command, values in held.items()
    )


def bench(slug, kept):
    """What was measured request by request, folded: few readers need it."""
    figures = kept.figures(slug, "bench")
    if not figures:
        return ""
    costs, others = split(figures)
    rows = [[*with_unit(name, values), spread(values)] for name, values in others.items()]
    about = (
        "Measured request by request, with nothing else running. A value is a median; where a "
        "thing was measured several times, the lowest and highest are beside it. Lower is better, "
        "except for rates. A bare route is a Flask route that reads the same rows with one "
        "statement of SQLAlchemy, and does nothing besides; a share of 0.6 means 60 requests in "
        "the time in which the bare route answers 100. From step 02 on, the requests to both go "
        "through a facade."
    )
    return said(
        "<details><summary>Details: single requests, start, memory, mail and messages</summary>",
        about,
        table(["figure", "median", "lowest to highest"], rows),
        "CPU time of one request by process, in milliseconds. Work after the answer counts, work "
        "at rest does not. Lower is better.",
        by_request(costs),
        "</details>",
    )


def split(figures):
    """({process: {request: values}} of the CPU times, the other figures)"""
    costs, others = {}, {}
    for name, values in figures.items():
        if found := COST.fullmatch(name):
            costs.setdefault(found["process"], {})[found["request"]] = values
        else:
            others[name] = values
    return costs, others


def by_request(costs):
    requests = list(dict.fromkeys(request for each in costs.values() for request in each))
    last = {name: each for name, each in costs.items() if name != "all"} | {"all": costs["all"]}
    rows = [
        [process, *(middle(each[request]) if request in each else "" for request in requests)]
        for process, each in last.items()
    ]
    return table(["process", *requests], rows)


def origin(slug, kept):
    """The machine and the commands of the figures, and which of them are older than the step."""
    results = kept.results.get(slug, [])
    if not results:
        return ""
    commands = listed([f"`{each.command}`" for each in results])
    machines = listed(sorted({each.machine for each in results}))
    text = f"Made by {commands}, on {machines}."
    if older := kept.older(slug):
        names = listed([f"`{command}`" for command in older])
        text += f" The code of this step has changed since these were measured: {names}."
    return text + "\n"


def heading(slug):
    """What a step is called above a column of the page of slug."""
    return lambda step: "this step" if step == slug else f"[step {step[:2]}]({step}.md)"


def table(names, rows):
    lines = [names, ["---"] + ["---:"] * (len(names) - 1), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def said(*paragraphs):
    return "\n\n".join(paragraphs) + "\n"
