"""The charts of a comparison's figures: ratios with their verdicts, and a dot a run."""

from tools.lab.experiment import verdicts as judging
from tools.lab.experiment.figures import FIGURES, PRIMARY
from tools.lab.report.drawing import BAND, BROWN, GREEN, GREY, SOFT, VIOLET, Chart, by_step
from tools.lab.report.human import number

MARGIN = 1.05  # of ratios that are the same
SIGNS = {  # of a verdict: in the chart, in a table, and its colour
    judging.BETTER: ("triangle-down", "▼", GREEN),
    judging.WORSE: ("triangle-up", "▲", BROWN),
    judging.SAME: ("circle", "●", GREY),
    judging.INCONCLUSIVE: ("diamond", "◆", VIOLET),
    judging.TOO_FEW: ("cross", "✚", GREY),
}
TICKS = (0.1, 0.2, 0.33, 0.5, 0.67, 0.8, 1, 1.25, 1.5, 2, 3, 4, 5, 7, 10, 20, 50, 100)


def ratios(result):
    """Each figure of a step as a ratio to the first step's, with its interval and verdict."""
    known = [each for each in result.verdicts if each.ratio]
    if not known:
        return None
    values = [
        {
            "figure": FIGURES[each.figure].name,
            "step": each.step,
            "ratio": each.ratio,
            "low": each.low,
            "high": each.high,
            "verdict": each.verdict,
            "words": f"{each.verdict}: {number(each.ratio)}{between(each)}",
        }
        for each in known
    ]
    base = known[0].base
    return Chart(
        f"Ratio of each figure to that of {base}",
        f"1 is no difference to {base}; the shaded band is 5 % either way, which counts as the "
        "same. A line is the interval that holds the ratio with at least 95 %. The scale is "
        "logarithmic: half and twice are equally far from 1.",
        {
            "data": {"values": values},
            "facet": {"row": {"field": "step", "title": None, "sort": result.steps}},
            "spec": {"width": 400, "height": {"step": 28}, "layer": layers_of_ratios(values, base)},
        },
        ["figure", "step", "ratio", "from", "to", "pairs", "p", "verdict"],
        [
            [
                FIGURES[each.figure].name,
                each.step,
                each.ratio,
                each.low,
                each.high,
                each.pairs,
                chance(each.p),
                each.verdict,
            ]
            for each in known
        ],
    )


def between(verdict):
    return "" if verdict.low is None else f" ({number(verdict.low)} to {number(verdict.high)})"


def chance(p):
    if p is None:
        return None
    return "below 0.001" if p < 0.001 else f"{p:.1g}"


def layers_of_ratios(values, base):
    ends = [each[key] for each in values for key in ("ratio", "low", "high") if each[key]]
    least, most = min([0.9, *ends]) / 1.03, max([1.1, *ends]) * 1.03
    ticks = [tick for tick in TICKS if least <= tick <= most]
    x = {
        "type": "quantitative",
        "scale": {"type": "log", "domain": [least, most], "nice": False},
        "axis": {"values": ticks, "format": "~f"},
        "title": f"ratio to {base}, logarithmic",
    }
    y = {"field": "figure", "type": "nominal", "sort": None, "title": None}
    words = list(SIGNS)
    signs = {
        "shape": {"scale": {"domain": words, "range": [SIGNS[word][0] for word in words]}},
        "color": {"scale": {"domain": words, "range": [SIGNS[word][2] for word in words]}},
    }
    signs = {name: {"field": "verdict", "legend": None, **each} for name, each in signs.items()}
    return [
        {
            "mark": {"type": "rect", "color": BAND},
            "encoding": {"x": {"datum": 1 / MARGIN, **x}, "x2": {"datum": MARGIN}},
        },
        {"mark": {"type": "rule", "color": SOFT}, "encoding": {"x": {"datum": 1, **x}}},
        {
            "transform": [{"filter": "isValid(datum.low)"}],
            "mark": {"type": "rule", "strokeWidth": 2},
            "encoding": {
                "x": {"field": "low", **x},
                "x2": {"field": "high"},
                "y": y,
                "color": signs["color"],
            },
        },
        {
            "mark": {"type": "point", "filled": True, "size": 110, "opacity": 1},
            "encoding": {"x": {"field": "ratio", **x}, "y": y, **signs},
        },
        {
            "mark": {"type": "text", "align": "left", "dx": 8},
            "encoding": {"x": {"value": "width"}, "y": y, "text": {"field": "words"}},
        },
    ]


def dots(result):
    """The primary figure of every run, those of a block joined."""
    values = [
        {"step": step, "block": block + 1, "value": value}
        for step in result.steps
        for block, value in result.values(step, PRIMARY).items()
    ]
    if not values:
        return None
    figure = FIGURES[PRIMARY]
    title = f"{figure.name}, {figure.unit}"
    encoding = {
        "x": {
            "field": "step",
            "type": "nominal",
            "sort": result.steps,
            "title": "step",
            "axis": {"labelAngle": 0},
        },
        "y": {
            "field": "value",
            "type": "quantitative",
            "title": title,
            "scale": {"zero": False, "padding": 12},
        },
    }
    blocks = sorted({each["block"] for each in values})
    found = {(each["step"], each["block"]): each["value"] for each in values}
    return Chart(
        f"{figure.name}: every run",
        "A dot is a run; a line joins the runs of one block, which had the same requests one "
        "after the other. Lines that all lean the same way are a difference. The scale does not "
        "begin at 0. Lower is better.",
        {
            "data": {"values": values},
            "width": {"step": max(110, min(150, 840 // len(result.steps)))},
            "height": 260,
            "layer": [
                {
                    "mark": {"type": "line", "color": SOFT, "strokeWidth": 1},
                    "encoding": {**encoding, "detail": {"field": "block"}},
                },
                {
                    "mark": {"type": "point", "filled": True, "size": 70, "opacity": 1},
                    "encoding": {**encoding, **by_step(result, legend=None)},
                },
            ],
        },
        ["block", *(f"{step}, {figure.unit}" for step in result.steps)],
        [[block, *(found.get((step, block)) for step in result.steps)] for block in blocks],
    )
