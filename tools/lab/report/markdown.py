"""The Numbers of a step's page, made from the kept results: a few tables, each with a sentence that
says how to read it."""

import re

from tools.lab.experiment.facts import COUPLED_BY, DRILLED_BY, PROCESSES
from tools.lab.experiment.figures import FIGURES, HIGHEST_RATE
from tools.lab.experiment.hypothesis import LONG, SHORT
from tools.lab.experiment.verdicts import INCONCLUSIVE, SAME, TOO_FEW, compared
from tools.lab.ground.tree import HERE
from tools.lab.report.blocks import said, table
from tools.lab.report.human import listed, middle, number, shown
from tools.lab.report.single import single_requests
from tools.lab.report.stops import noticed

PAGES = HERE.path / "docs" / "steps"
NUMBERS = re.compile(r"(?<=<!-- numbers -->\n).*(?=<!-- /numbers -->)", re.DOTALL)
COMPARED_BY = "./lab compare --all --keep"
BENCHED_BY = "./lab bench {} --keep"
COUPLING = (
    "imports of another module's internals",
    "imports of another module's public interface",
    "foreign keys between modules",
    "statements that use tables of several modules",
    "tables of the monolith's modules",
    "lines of the monolith",
    "statements to list events",
    "statements to hold",
    "statements to book",
)
NOT_DECIDED = {INCONCLUSIVE: "not decided", TOO_FEW: "not enough runs"}
SHOWN = ("compare", "break", "coupling", "bench", "rate", "migrate")  # kinds of results
# beside the drills that stop a component
ALSO_SHOWN = ("kill-web", "restart-web")


def page(slug, kept):
    """The text of a step's page as it should be."""
    text = (PAGES / f"{slug}.md").read_text()
    return NUMBERS.sub(lambda _: numbers(slug, kept), text)


def numbers(slug, kept):
    parts = {
        COMPARED_BY: beside_others(slug, kept) + by_process(slug, kept),
        DRILLED_BY.format(slug[:2]): failures(slug, kept),
        COUPLED_BY.format(slug[:2]): coupling(slug, kept),
        BENCHED_BY.format(slug[:2]): single_requests(slug, kept),
    }
    missing = [f"`{command}`" for command, part in parts.items() if not part]
    found = [part for part in parts.values() if part]
    if missing:
        found.append(said(f"Not measured yet: {listed(missing)}."))
    return "\n".join([*found, *rates(slug, kept), *moves(slug, kept), *origin(slug, kept)])


def beside_others(slug, kept):
    """Cost and speed of a step, of the one before it, and of the first one."""
    if not kept.compares(slug):
        return ""
    steps = [each for each in kept.beside(slug) if kept.compares(each)]
    names = ["", "this step"]
    for base in steps[1:]:
        names += [link(base), f"against {base[:2]}"]
    rows = [[figure.name, *cells(key, slug, steps, kept)] for key, figure in FIGURES.items()]
    rows += [
        [f"{HIGHEST_RATE} (higher is better)", *plain(kept.held, steps, "not compared")],
        ["processes", *plain(lambda step: kept.facts(step).get(PROCESSES), steps, "")],
    ]
    return said(
        f"**What it costs.** Medians of {runs(slug, kept)} runs, all steps in turn under the same "
        "load. Lower is better. Half of the requests were faster than *p50*, and 95 of 100 faster "
        "than *p95*, counted from the time when a request should have been sent. *Processes* are "
        "Encore's own; CPU time and memory also count the backing services. A multiple is the "
        "median of the ratios of paired runs, so it differs somewhat from the quotient of two "
        "medians. *Same* means within 5 %; *not decided* means that the runs do not show which is "
        "lower.",
        table(names, [row for row in rows if any(row[1:])]),
    )


def runs(slug, kept):
    return number(len(kept.campaign.runs_of(slug)))


def cells(key, slug, steps, kept):
    """The median of a figure at a step and at each of the others, with what the runs say; nothing
    where these runs have no such figure."""
    unit = FIGURES[key].unit
    found = [shown(kept.median(slug, key), unit)]
    if not any(found):
        return []
    for base in steps[1:]:
        verdicts = {each.figure: each for each in compared(kept.campaign, base, slug)}
        found += [shown(kept.median(base, key), unit), in_words(verdicts.get(key))]
    return found


def plain(value_of, steps, word):
    """The cells of what no pair of runs compares, with a word instead of a verdict."""
    values = [shown(value_of(step)) for step in steps]
    if not any(values):
        return values
    return [values[0], *(cell for value in values[1:] for cell in (value, word))]


def in_words(verdict):
    """1.9 times, worse; same; not decided"""
    if verdict is None:
        return "not compared"
    if verdict.verdict in NOT_DECIDED:
        return NOT_DECIDED[verdict.verdict]
    if verdict.verdict == SAME:
        return SAME
    return f"{number(verdict.ratio)} times, {verdict.verdict}"


def by_process(slug, kept):
    """Where a step spends CPU time and memory."""
    if not kept.compares(slug):
        return ""
    units = {what: FIGURES[what].unit for what in ("cpu", "memory")}
    spent = [kept.campaign.by_process(slug, what) for what in units]
    names = {name for each in spent for name in each}
    if not names:
        return ""
    rows = {name: [each.get(name, 0) for each in spent] for name in names}
    rows = dict(sorted(rows.items(), key=lambda row: (-row[1][0], row[0])))
    rows["all"] = [kept.median(slug, what) for what in units]
    return "\n" + said(
        "**Where it is spent.** CPU time of every process, divided by the number of requests: the "
        "shop's own, the backing services, and the lab's mail server and payment sandbox. Lower is "
        "better.",
        table(
            ["process", "CPU time of a request", "memory"],
            [[name, *map(shown, values, units.values())] for name, values in rows.items()],
        ),
    )


def failures(slug, kept):
    """What a customer cannot do while a component is away, and how soon all is well."""
    drills = [
        each for name, each in kept.drills(slug).items() if each["component"] or name in ALSO_SHOWN
    ]
    rows = [
        [
            each["title"],
            journeys(each["found"], "fails"),
            journeys(each["found"], "later"),
            f"{number(each['failed'])} of {number(each['requests'])}",
            shown(each["well_after"], "s") or "never",
        ]
        for each in drills
    ]
    has_more = any(each["title"].startswith("The database of") for each in drills)
    return rows and said(
        "**What stops when something fails.** A customer tries every journey while a fault lasts, "
        f"which is {SHORT:.0f} s; for `web` and the monolith's database it is {LONG:.0f} s. A "
        "journey that is in neither column works, though an answer may be late or not up to date. "
        "*Comes later* means: the answer or the mail came when the fault had ended. From step 02 "
        "on the facade lets a request wait for 8 s, so what comes later here may fail in a longer "
        "outage. *Requests failed* are those of a low load, which asks for no recommendations. So "
        "a request can fail although no journey does, and the other way round. *Well again* is "
        "the time from the end of the fault until a customer could buy a seat and got the mail. "
        f"Lower is better.{' *The database* is that of the monolith.' * has_more}",
        table(["while", "fails", "comes later", "requests failed", "well again"], rows, words=3),
    )


def journeys(found, how):
    """The journeys that ended so; of many, those that did not."""
    names = [name for name, ended in found.items() if ended == how]
    others = [name for name in found if name not in names]
    if len(names) <= len(found) / 2:
        return ", ".join(names) or "nothing"
    return f"all but {', '.join(others)}" if others else "everything"


def coupling(slug, kept):
    steps = [each for each in kept.beside(slug) if kept.figures(each, "coupling")]
    if slug not in steps:
        return ""
    figures = [kept.figures(each, "coupling") for each in steps]
    rows = [
        [name, *(middle(each[name]) if name in each else "" for each in figures)]
        for name in COUPLING
    ]
    return said(
        "**How far the modules depend on each other.** Counted in the code, in the database, and "
        "in what the web process sends to the database for a request. Lower is better.",
        table(["", "this step", *map(link, steps[1:])], [row for row in rows if any(row[1:])]),
    )


def rates(slug, kept):
    """The rates that were searched with `./lab load --find-rate`."""
    lines = [
        f"`{each.command}` found that the step can serve {middle(values)} requests a second. "
        "Higher is better."
        for each in kept.of(slug, "rate")
        if (values := each.figures.get(slug, {}).get(HIGHEST_RATE))
    ]
    return [said(" ".join(lines))] if lines else []


def moves(slug, kept):
    """What visitors noticed of the moves to a step."""
    lines = [
        f"During `{command}` {noticed(whole)}. Lower is better."
        for command, whole in kept.moves(slug)
    ]
    return [said(" ".join(lines))] if lines else []


def origin(slug, kept):
    """The commands and machines of the figures, and which of them are older than their step."""
    results = [each for each in kept.sources(slug) if each.kind in SHOWN]
    if not results:
        return []
    machines = listed(list(dict.fromkeys(each.machine for each in results)))
    commands = listed([f"`{each.command}`" for each in results])
    lines = [f"Made by {commands}, on {machines}."]
    kinds = {each.kind for each in results}
    for step in kept.beside(slug):
        # of other steps a page shows only these
        shown_kinds = kinds if step == slug else kinds & {"compare", "coupling"}
        if older := [each for each in kept.older(step) if each.kind in shown_kinds]:
            name = "this step" if step == slug else f"step {step[:2]}"
            since = listed([f"`{each.command}`" for each in older])
            lines.append(f"Older than the code of {name} are the figures of {since}.")
    return [said(" ".join(lines))]


def link(step):
    return f"[step {step[:2]}]({step}.md)"
