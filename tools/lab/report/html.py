"""A result as one page of HTML that needs nothing else: no script, no font, no address."""

import json
from dataclasses import asdict
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from tools.lab.report import charts, drawing, latency, matrix, shares, tables
from tools.lab.report.human import listed
from tools.lab.report.sentences import sentences
from tools.lab.report.timeline import timeline

FOLDER = Path(__file__).parent
TITLES = {
    "compare": "Compare",
    "break": "Break",
    "load": "Load",
    "rate": "Highest rate of",
    "migrate": "Migrate to",
}
CPU = (
    "The work that the answer left for later counts too. The lab's mail catcher and payment "
    "sandbox are in it: a step that asks them more often is not cheaper for it."
)
MEMORY = "PSS: pages that several processes share count once in all."


def write(result, path):
    """Write the report of a result as a file."""
    Path(path).write_text(page(result), encoding="utf-8")


def page(result):
    """The text of the report of a result."""
    environment = Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"shown": tables.shown, "marked": marked}
    return environment.get_template("page.html").render(
        result=result,
        title=f"{TITLES.get(result.kind, result.kind.title())} {listed(result.steps)}",
        sentences=answer(result),
        settings=settings(result),
        dates=sorted({run.began[:10] for run in result.runs if run.began}),
        tables=tables,
        cost_charts=cost_charts(result),
        disturbed=disturbed(result),
        journeys=matrix.journeys(result),
        matrix=matrix.matrix(result),
        drills=drills(result),
        style=style(),
        raw=raw(result),
    )


def marked(text):
    """A text whose commands stand in backticks, as HTML."""
    return Markup().join(
        Markup("<code>{}</code>").format(part) if number % 2 else escape(part)
        for number, part in enumerate(text.split("`"))
    )


def answer(result):
    return sentences(result) if result.kind == "compare" else []


def settings(result):
    """The settings of a result that are numbers, as a text; its command has the others."""
    numbers = {
        name: value
        for name, value in result.settings.items()
        if isinstance(value, int | float) and not isinstance(value, bool)
    }
    return ", ".join(
        f"{name.replace('_', ' ')} {tables.shown(value)}" for name, value in numbers.items()
    )


def style():
    """The style sheet of the page and of its charts."""
    own = (FOLDER / "page.css").read_text(encoding="utf-8")
    return Markup(f"{own}\n{drawing.style()}")  # noqa: S704 - our own


def raw(result):
    """The result as JSON that cannot end the element in which it stands."""
    text = json.dumps(asdict(result), separators=(",", ":"))
    return Markup(text.replace("<", "\\u003c"))  # noqa: S704 - escaped for JSON


def cost_charts(result):
    """The charts that the result has data for."""
    every = [
        charts.ratios(result),
        shares.shares(result, "cpu", "CPU time of a request", "ms", CPU),
        charts.dots(result) if len(result.steps) > 1 else None,
        latency.curves(result),
        latency.ladder(result),
        shares.shares(result, "memory", "Memory", "MB", MEMORY),
    ]
    return [chart for chart in every if chart]


def disturbed(result):
    """A chart for each fault of the runs: of each step, the first run that had it. The stages of a
    move share one."""
    if result.kind == "migrate":
        of_moves = {run.step: (run.seconds, run.faults) for run in result.runs}
        return [chart for chart in [timeline("The stages of the move", of_moves)] if chart]
    found = {}
    for run in result.runs:
        for *_, name in run.faults:
            found.setdefault(name, {}).setdefault(run.step, (run.seconds, run.faults))
    every = [
        timeline(f"The first run of each step with {name}", each) for name, each in found.items()
    ]
    return [chart for chart in every if chart]


def drills(result):
    """[(name, title, {step: outcome}, its chart or None), ...] of every drill."""
    return [
        (name, matrix.title_of(result, name), outcomes, of_drill(name, outcomes))
        for name in matrix.names(result)
        for outcomes in [matrix.outcomes(result, name)]
    ]


def of_drill(name, outcomes):
    every = {step: (each["seconds"], each["faults"]) for step, each in outcomes.items()}
    return timeline(f"Requests a second during the drill {name}", every)
