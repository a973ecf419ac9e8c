"""The charts of latency: by percentile, and by rate."""

from tools.lab.experiment.figures import BEYOND, BROWSING
from tools.lab.measure.load_figures import HELD_SHARE
from tools.lab.measure.outcomes import IN_TIME
from tools.lab.report.drawing import PAPER, Chart, by_step, turned

JOURNEYS = {"browse": BROWSING, "hold": ("hold",), "book": ("book",)}
SHARES = (1, 5, 10, 25, 50, 75, 90, 95, 98, 99, 99.5, 99.9)  # percent
ROUND = [digit * 10**power for power in range(-1, 5) for digit in (1, 2, 5)]  # milliseconds
VOID = "void"  # verdict on a probe
DASHES = ([1, 0], [6, 3], [2, 2], [8, 3, 2, 3], [4, 4])


def curves(result):
    """The percentiles of browse, hold and book: of each run, and of all samples of a step."""
    values = [
        point
        for step in result.steps
        for journey, operations in JOURNEYS.items()
        for point in points(result, step, journey, operations)
    ]
    if not values:
        return None
    return Chart(
        "Latency by percentile",
        "How many percent of the requests took no longer than this, counted from when each was "
        "due. A thick line is of all runs of a step together, a thin one of a single run. A line "
        "ends where fewer than five samples lie beyond it. Both scales are logarithmic; on the "
        "right are the slowest requests. Lower is better.",
        {
            "data": {"values": values},
            "facet": {"column": {"field": "journey", "title": None, "sort": list(JOURNEYS)}},
            "spec": {"width": 200, "height": 240, "layer": layers_of_curves(result, values)},
        },
        *table_of_curves(values),
    )


def points(result, step, journey, operations):
    runs = {
        str(run.block + 1): [each for name in operations for each in run.latencies.get(name, ())]
        for run in result.runs_of(step)
        if run.counts
    }
    merged = [each for took in runs.values() for each in took]
    return [
        {
            "step": step,
            "journey": journey,
            "run": name,
            "samples": len(took),
            "share": share,
            "beyond": 1 / (1 - share / 100),
            "value": took[int(len(took) * share / 100)],
        }
        for name, took in ((name, sorted(took)) for name, took in {**runs, "all": merged}.items())
        for share in SHARES
        if len(took) * (1 - share / 100) >= BEYOND
    ]


def layers_of_curves(result, values):
    last = max(each["beyond"] for each in values)
    took = [each["value"] for each in values]
    step = by_step(result, legend={"symbolOpacity": 1, "symbolStrokeWidth": 2.5})
    dash = {"domain": result.steps, "range": turned(DASHES, result)}
    encoding = {
        "x": {
            "field": "beyond",
            "type": "quantitative",
            "scale": {"type": "log", "domain": [1, last]},
            "axis": {
                "values": [2, 10, 100, 1000],
                "labelExpr": "format(100 - 100 / datum.value, '.3~r')",
            },
            "title": "percent of the requests",
        },
        "y": {
            "field": "value",
            "type": "quantitative",
            "scale": {"type": "log", "domain": [min(took) / 1.1, max(took) * 1.1], "nice": False},
            "axis": {"format": ",~f", "values": ROUND},
            "title": "latency at most, ms",
        },
        "color": step["color"],
        "strokeDash": {**step["color"], "scale": dash},
    }
    return [
        {
            "transform": [{"filter": "datum.run != 'all'"}],
            "mark": {"type": "line", "strokeWidth": 0.8, "opacity": 0.45},
            "encoding": {**encoding, "detail": {"field": "run"}},
        },
        {
            "transform": [{"filter": "datum.run == 'all'"}],
            "mark": {"type": "line", "strokeWidth": 2.5},
            "encoding": encoding,
        },
    ]


def table_of_curves(values):
    """(columns, rows) with a row for each line, those of all runs first."""
    lines = {}
    for each in values:
        key = (each["journey"], each["step"], each["run"], each["samples"])
        lines.setdefault(key, {})[each["share"]] = each["value"]
    used = [share for share in SHARES if any(share in line for line in lines.values())]
    ordered = sorted(lines, key=lambda key: key[2] != "all")
    columns = ["journey", "step", "run", "samples", *(f"p{share}, ms" for share in used)]
    return columns, [[*key, *(lines[key].get(share) for share in used)] for key in ordered]


def ladder(result):
    """The latency at each rate that was tried, and whether the step held it."""
    values = [
        {
            "journey": journey,
            "step": step,
            "rate": probe["rate"],
            "p50": probe["operations"][journey]["p50"],
            "p95": probe["operations"][journey]["p95"],
            "verdict": probe["verdict"],
        }
        for step, facts in result.facts.items()
        for journey in JOURNEYS
        for probe in sorted(facts.get("probes", []), key=lambda probe: probe["rate"])
        if probe["verdict"] != VOID and probe["operations"][journey]["p95"]
    ]
    if not values:
        return None
    return Chart(
        "Latency over rate",
        f"The p95 at each rate that was tried. A full mark is a rate that was held: "
        f"{100 * HELD_SHARE:g} % of the requests were answered within {IN_TIME:g} s of being "
        "due, and none failed. An empty mark is a rate that was not held. The scale of latency is "
        "logarithmic. Lower and further right is better.",
        {
            "data": {"values": values},
            "facet": {"column": {"field": "journey", "title": None, "sort": list(JOURNEYS)}},
            "spec": {"width": 200, "height": 240, "layer": layers_of_ladder(result)},
        },
        ["journey", "step", "requests a second", "p50, ms", "p95, ms", "verdict"],
        [list(each.values()) for each in values],
    )


def layers_of_ladder(result):
    encoding = {
        "x": {"field": "rate", "type": "quantitative", "title": "requests a second"},
        "y": {
            "field": "p95",
            "type": "quantitative",
            "scale": {"type": "log"},
            "axis": {"format": ",~f", "values": ROUND},
            "title": "p95, ms",
        },
        **by_step(result),
    }
    dash = {**encoding["color"], "scale": {"domain": result.steps, "range": turned(DASHES, result)}}
    held = {"test": "datum.verdict == 'held'", **encoding["color"]}
    fill = {"condition": held, "value": PAPER}
    return [
        {"mark": {"type": "line", "strokeWidth": 2}, "encoding": {**encoding, "strokeDash": dash}},
        {
            "mark": {"type": "point", "size": 90, "strokeWidth": 2, "opacity": 1},
            "encoding": {**encoding, "fill": fill},
        },
    ]
