"""A comparison in a terminal: three sentences, the budgets, what each step costs, what it buys."""

from statistics import median
from typing import NamedTuple

from rich.padding import Padding
from rich.table import Column, Table
from rich.text import Text

from tools.lab.experiment.facts import CHANGES, COUPLED_BY, DRILLED_BY, FACTS
from tools.lab.experiment.figures import FIGURES, PRIMARY
from tools.lab.experiment.verdicts import BETTER, SAME, TOO_FEW, WORSE
from tools.lab.report.human import listed, number
from tools.lab.report.sentences import sentences
from tools.lab.report.survival import common, survived
from tools.lab.report.terminal import print_violations

STYLES = {BETTER: "green", WORSE: "red"}
MARKS = {BETTER: "+", WORSE: "-", SAME: "="}
OPEN = "?"
COUNTED = {"kill-web": "web killed", "restart-web": "web restarted"}  # drills
UNKNOWN = "."  # in a cell whose value nobody has measured
SHARE = 0.05  # of the whole that a process needs to have a row
LABEL = 27  # columns
LABEL_OF_MANY = 20
MANY = 6  # steps: from here on the values need the space
WIDEST = 10  # of the name of a step


class Row(NamedTuple):
    """One line of a table: what it is, whether less or more of it is better, its value at each
    step, and the verdict on each step but the first."""

    name: str
    best: str
    values: list
    verdicts: list = ()


def show(out, result):
    """Print a comparison; of runs that broke a promise only what was lost or doubled."""
    for sentence in sentences(result):
        out.print(sentence, markup=False)
    out.print()
    show_budgets(out, result)
    if broken := [run for run in result.runs if run.broken]:
        for run in broken:
            show_broken(out, run)
        return
    out.print(table(result, "what it costs", costs(result)))
    out.print()
    out.print(table(result, "what it buys", buys(result)))
    for line in notes(result):
        out.print(line, style="dim", markup=False)


def short(step):
    """The number of a step, cut to a column's width."""
    return numbered(step)[:WIDEST]


def numbered(step):
    """07 for 07-notifications, 07 (2) for the same one again."""
    slug, _, more = step.partition(" ")
    return f"{slug[:2]} {more}".strip()


def show_budgets(out, result):
    """What both may use, and then what only one may."""
    budgets = [result.budgets.get(step, {}).items() for step in result.steps]
    if not any(budgets):
        return
    both = [item for item in budgets[0] if all(item in each for each in budgets)]
    out.print("What each may use", style="bold")
    show_budget(out, "all of them", both)
    for step, each in zip(result.steps, budgets, strict=True):
        show_budget(out, step, [item for item in each if item not in both])
    out.print()


def show_budget(out, name, items):
    if items:
        line = f"{name}: {'; '.join(f'{what} {much}' for what, much in items)}"
        out.print(Padding(Text(line), (0, 0, 0, 2)))


def columns(result):
    return [Column(short(step), justify="right") for step in result.steps]


def text(value):
    if value is None:
        return UNKNOWN
    return value if isinstance(value, str) else number(value)


def show_broken(out, run):
    """What a run lost or doubled, and what happened to each booking that was harmed."""
    out.print(f"{run.step}, block {run.block + 1}:", style="bold")
    print_violations(out, run.broken)
    for booking, lines in run.history.items():
        out.print(f"Booking {booking}:", markup=False)
        for line in lines:
            out.print(f"  {line}", markup=False, soft_wrap=True)


def costs(result):
    """The Rows of everything that was measured in runs."""
    rows = []
    for key, figure in FIGURES.items():
        measured = [list(result.values(step, key).values()) for step in result.steps]
        if not any(measured):
            continue
        verdicts = [each for each in result.verdicts if each.figure == key]
        rows.append(Row(with_unit(figure), best(figure), list(map(middle, measured)), verdicts))
        if key == PRIMARY:
            rows += by_process(result, key)
    return rows + others(result)


def with_unit(figure):
    return f"{figure.name}, {figure.unit}" if figure.unit else figure.name


def best(figure):
    return "less" if figure.less_is_better else "more"


def middle(values):
    return median(values) if values else None


def by_process(result, figure):
    """The Rows of the processes that have a share worth seeing of a figure."""
    spent = [result.by_process(step, figure) for step in result.steps]
    names = sorted(
        {
            name
            for each in spent
            for name, value in each.items()
            if value > SHARE * sum(each.values())
        },
        key=lambda name: -max(each.get(name, 0.0) for each in spent),
    )
    return [Row(f"  {name}", "", [each.get(name, "") for each in spent]) for name in names]


def others(result):
    """The Rows of what was measured beside the runs, such as the highest rate held."""
    names = dict.fromkeys(name for each in result.figures.values() for name in each)
    return [
        Row(name, "more", [middle(result.figures.get(step, {}).get(name)) for step in result.steps])
        for name in names
    ]


def buys(result):
    """The Rows of drills, facts and changes."""
    rows = of_drills(result)
    for key, fact in FACTS.items():
        values = [result.facts.get(step, {}).get(key) for step in result.steps]
        rows.append(Row(with_unit(fact), best(fact), values))
    return rows + changes(result)


def of_drills(result):
    """The Rows of the drills that all steps went through: others would count against the step that
    has more to break."""
    drills = common(result, *result.steps)
    if not drills:
        return []
    outcomes = {step: [result.drills[step][name] for name in drills] for step in result.steps}
    counts = [survived(result, step, drills) for step in result.steps]
    rows = [Row(f"journeys that go on, of {counts[0][1]}", "more", [works for works, _ in counts])]
    for name, words in COUNTED.items():
        if name in drills:
            failed = [result.drills[step][name]["failed"] for step in result.steps]
            rows.append(Row(f"failed requests, {words}", "less", failed))
    well = [slowest(each) for each in outcomes.values()]
    broken = [sum(len(drill["broken"]) for drill in each) for each in outcomes.values()]
    return [
        *rows,
        Row("slowest until well again, s", "less", well),
        Row("promises broken", "less", broken),
    ]


def slowest(outcomes):
    """Seconds of the drill after which a step took longest to become well by itself."""
    well = [each["well_after"] for each in outcomes]
    return "never" if None in well else max(well)


def changes(result):
    """A Row for each change that was made at every step: the files that it touches."""
    made = [result.facts.get(step, {}).get(CHANGES, {}) for step in result.steps]
    return [
        Row(
            f"{change}: files, lines, deployed",
            "less",
            ["/".join(map(str, each[change])) if change in each else None for each in made],
        )
        for change in dict.fromkeys(name for each in made for name in each)
    ]


def table(result, title, rows):
    """Two steps have the ratio with its interval and the verdict; more have a mark each."""
    pair = len(result.steps) == 2
    verdict = (
        [Column("ratio", justify="right"), "verdict"] if pair and title.endswith("costs") else []
    )
    shown = Table(
        Column(title, min_width=LABEL if len(result.steps) < MANY else LABEL_OF_MANY),
        "best",
        *columns(result),
        *verdict,
        box=None,
        padding=(0, 1, 0, 0),
    )
    for row in rows:
        values = [text(value) for value in row.values]
        if verdict:
            shown.add_row(row.name, row.best, *values, *judged(row))
        else:
            shown.add_row(row.name, row.best, *marked(result, row, values))
    return shown


def judged(row):
    """The ratio with its interval, and the verdict, of two steps."""
    if not row.verdicts:
        return "", ""
    (verdict,) = row.verdicts
    ratio = number(verdict.ratio) if verdict.ratio else ""
    if verdict.low is not None:
        ratio = f"{verdict.ratio:.2f} ({verdict.low:.2f}-{verdict.high:.2f})"
    return ratio, Text(verdict.verdict, STYLES.get(verdict.verdict, ""))


def marked(result, row, values):
    """The values of several steps, each with the mark of its verdict."""
    found = {each.step: each.verdict for each in row.verdicts}
    return [
        Text(
            value + (MARKS.get(found[step], OPEN) if step in found else " "),
            STYLES.get(found.get(step), ""),
        )
        for step, value in zip(result.steps, values, strict=True)
    ]


def notes(result):
    """How to read the tables, in lines."""
    base = short(result.steps[0])
    pairs = max((each.pairs for each in result.verdicts), default=0)
    if len(result.steps) == 2:
        yield f"ratio: {short(result.steps[1])} to {base}, median of {pairs} pairs (95 % interval)."
    else:
        yield f"Against {base}, {pairs} pairs: + better, - worse, = same within 5 %, ? not decided."
    for each in result.verdicts:
        if each.left_out:
            yield f"{each.figure} of {each.step}: {each.left_out} blocks without a value left out."
    if generators := [run.generator for run in result.runs if run.generator]:
        cpu, late = (median(each[name] for each in generators) for name in ("cpu_ms", "lag_p99_ms"))
        yield f"The generator used {cpu:.2f} ms of CPU a request, and was {late:.2f} ms late (p99)."
    if any(each.verdict == TOO_FEW for each in result.verdicts):
        yield "Not enough runs: fewer than six pairs show nothing; see docs/compare.md."
    if any(None in row.values for row in (*costs(result), *buys(result))):
        commands = listed([each.format("STEP") for each in (COUPLED_BY, DRILLED_BY)])
        yield f"{UNKNOWN} is not measured yet: {commands}."
