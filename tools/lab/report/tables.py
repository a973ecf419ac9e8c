"""The tables of the HTML report, as headings and rows."""

import re
from typing import NamedTuple

from tools.lab.experiment.facts import CHANGES, FACTS, LINES
from tools.lab.experiment.figures import FIGURES
from tools.lab.report.charts import SIGNS, between
from tools.lab.report.human import middle, number, spread
from tools.lab.report.matrix import outcomes
from tools.lab.report.survival import common, survived

SUCCESS = re.compile(r" 2\d\d$")  # the end of an outcome
DIRECTION = {True: "lower", False: "higher"}


class Table(NamedTuple):
    """Headings and rows; the first cell of a row is its heading."""

    title: str
    columns: list
    rows: list


def shown(value):
    """A cell of a table as a text."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return " ".join(map(shown, value))
    return number(value) if isinstance(value, int | float) else str(value)


def table(title, columns, rows):
    """A Table, or None without rows."""
    return Table(title, columns, rows) if rows else None


def budgets(result):
    """What each side may use."""
    names = dict.fromkeys(name for each in result.budgets.values() for name in each)
    steps = list(result.budgets)
    rows = [[name, *(result.budgets[step].get(name) for step in steps)] for name in names]
    return table("What each step may use", ["", *steps], rows)


def costs(result):
    """Every figure of the runs: medians, ratios and verdicts."""
    base, *others = result.steps
    verdicts = {(each.figure, each.step): each for each in result.verdicts}
    others = [step for step in others if any(each.step == step for each in result.verdicts)]
    rows = [
        [
            f"{figure.name}, {figure.unit}",
            *(typical(result.values(step, key)) for step in result.steps),
            *(judged(verdicts.get((key, step))) for step in others),
            DIRECTION[figure.less_is_better],
        ]
        for key, figure in FIGURES.items()
        if any(result.values(step, key) for step in result.steps)
    ]
    columns = [
        "figure",
        *result.steps,
        *(f"{step} against {base}" for step in others),
        "better is",
    ]
    return table("Median of the runs (lowest to highest)", columns, rows)


def typical(values):
    """The median of {block: value}, with the lowest and highest."""
    values = list(values.values())
    if not values:
        return None
    return f"{middle(values)} ({spread(values)})" if len(values) > 1 else middle(values)


def judged(verdict):
    if verdict is None:
        return None
    ratio = "" if verdict.ratio is None else f": {number(verdict.ratio)} times{between(verdict)}"
    return f"{SIGNS[verdict.verdict][1]} {verdict.verdict}{ratio}"


def facts(result):
    """What is known of each step without a run."""
    rows = [
        [
            f"{fact.name}, {fact.unit}" if fact.unit else fact.name,
            *(result.facts.get(step, {}).get(key) for step in result.steps),
            DIRECTION[fact.less_is_better],
        ]
        for key, fact in FACTS.items()
        if any(key in each for each in result.facts.values())
    ]
    return table("What is counted", ["", *result.steps, "better is"], rows)


def changes(result):
    """The same change made at each step: files, lines, processes to deploy."""
    known = [each.get(CHANGES, {}) for each in result.facts.values()]
    rows = [
        [change, *(changed(result.facts.get(step, {}), change) for step in result.steps)]
        for change in dict.fromkeys(change for each in known for change in each)
    ]
    return table("The same change at each step", ["change", *result.steps], rows)


def changed(facts, change):
    counts = facts.get(CHANGES, {}).get(change)
    if counts is None:
        return None
    files, lines, processes = map(number, counts)
    return f"files {files}, lines {lines}, processes to deploy {processes}"


def deployables(result):
    """Lines of code of everything that is deployed by itself."""
    known = {step: result.facts.get(step, {}).get(LINES, {}) for step in result.steps}
    names = dict.fromkeys(name for each in known.values() for name in each)
    rows = [[name, *(known[step].get(name) for step in result.steps)] for name in names]
    return table("Lines of each deployable", ["deployable", *result.steps], rows)


def survival(result):
    """What the drills came to, of those that every step went through: others would count against
    the step that has more to break."""
    steps = [step for step in result.steps if result.drills.get(step)]
    names = common(result, *steps) if steps else []
    if not names:
        return None
    ended = {step: [outcomes(result, name)[step] for name in names] for step in steps}
    rows = [
        ["journeys that went on", *(went_on(result, step, names) for step in steps), "higher"],
        ["failed requests", *(sum(x["failed"] for x in each) for each in ended.values()), "lower"],
        ["slowest until well again, s", *(slowest(each) for each in ended.values()), "lower"],
        ["promises broken", *(sum(len(x["broken"]) for x in each) for each in ended.values())]
        + ["lower"],
    ]
    return table(f"In the same {len(names)} drills", ["", *steps, "better is"], rows)


def went_on(result, step, names):
    works, count = survived(result, step, names)
    return f"{number(works)} of {number(count)}"


def slowest(outcomes):
    """Of those that became well by themselves."""
    well = [each["well_after"] for each in outcomes]
    return "never, once" if None in well else max(well)


def others(result):
    """Figures that were measured request by request."""
    steps = list(result.figures)
    names = dict.fromkeys(name for each in result.figures.values() for name in each)
    rows = [
        [name, *(typical(dict(enumerate(result.figures[step].get(name, ())))) for step in steps)]
        for name in names
    ]
    return table("Median (lowest to highest)", ["figure", *steps], rows)


def runs(result):
    """Every run with its figures."""
    used = [key for key in FIGURES if any(key in run.figures for run in result.runs)]
    rows = [
        [
            f"{run.block + 1}",
            run.step,
            run.began.replace("T", " ").removesuffix("Z"),
            *(run.figures.get(key) for key in used),
            sum(run.outcomes.values()),
            run.generator.get("cpu_ms"),
            run.generator.get("lag_p99_ms"),
            unsuccessful(run),
            state(run),
        ]
        for run in result.runs
    ]
    names = [f"{FIGURES[key].name}, {FIGURES[key].unit}" for key in used]
    generator = ["generator: CPU of a request, ms", "generator: late, p99, ms"]
    others = ["requests", *generator, "not successful", "state"]
    columns = ["block", "step", "began, UTC", *names, *others]
    return table("Every run", columns, rows)


def unsuccessful(run):
    """The outcomes that are not a success; seats that were taken are among them."""
    others = {name: count for name, count in run.outcomes.items() if not SUCCESS.search(name)}
    return ", ".join(f"{number(count)} x {name}" for name, count in others.items()) or "none"


def state(run):
    if run.broken:
        return f"broke {len(run.broken)} promises"
    return f"void: {run.void}" if run.void else "counts"
