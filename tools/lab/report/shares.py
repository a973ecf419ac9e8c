"""The chart of what each process takes of a step's CPU time or memory."""

from itertools import cycle
from statistics import fmean

from tools.lab.report.drawing import PAPER, RANGE, Chart
from tools.lab.report.human import number

BAR = 600  # pixels
LETTER = 7.2  # pixels


def shares(result, kind, title, unit, about):
    """A bar for each step, of the shares of its processes: means, because they add up."""
    means = {step: result.by_process(step, kind, fmean) for step in result.steps}
    means = {step: each for step, each in means.items() if each}
    if not means:
        return None
    present = {name for each in means.values() for name in each}
    colours = dict(zip(processes_of(result), cycle(RANGE)))
    processes = [name for name in colours if name in present]
    values, totals = stacked(means, processes), []
    for step, each in means.items():
        total = sum(each.values())
        totals.append({"step": step, "end": total, "words": f"{number(total)} {unit}"})
    y = {"field": "step", "type": "nominal", "sort": result.steps, "title": None}
    x = {
        "type": "quantitative",
        "title": f"{title}, {unit}, mean of the runs",
        "axis": {"format": ",~f"},
    }
    return Chart(
        f"{title} by process",
        f"{about} Lower is better.",
        {
            "width": BAR,
            "height": {"step": 52},
            "layer": [
                {
                    "data": {"values": values},
                    "mark": {"type": "bar", "stroke": PAPER, "height": {"band": 0.75}},
                    "encoding": {
                        "y": y,
                        "x": {"field": "begin", **x},
                        "x2": {"field": "end"},
                        "color": {
                            "field": "process",
                            "type": "nominal",
                            "title": "process",
                            "scale": {
                                "domain": processes,
                                "range": [colours[name] for name in processes],
                            },
                            "legend": {"columns": 4},
                        },
                    },
                },
                {
                    "data": {"values": values},
                    "mark": {"type": "text", "color": PAPER},
                    "encoding": {"y": y, "x": {"field": "middle", **x}, "text": {"field": "words"}},
                },
                {
                    "data": {"values": totals},
                    "mark": {"type": "text", "align": "left", "dx": 6, "fontWeight": "bold"},
                    "encoding": {"y": y, "x": {"field": "end", **x}, "text": {"field": "words"}},
                },
            ],
        },
        ["process", *(f"{step}, {unit}" for step in means)],
        [
            *([name, *(each.get(name) for each in means.values())] for name in processes),
            ["all", *(sum(each.values()) for each in means.values())],
        ],
    )


def processes_of(result):
    """Every process that was measured, those that take most CPU time first: each has one colour in
    all charts."""
    cpu = [run.by_process.get("cpu", {}) for run in result.runs]
    names = {name for run in result.runs for each in run.by_process.values() for name in each}
    return sorted(names, key=lambda name: (-max(each.get(name, 0) for each in cpu), name))


def stacked(means, processes):
    """Where each process's part of a bar begins and ends, and the words that fit on it."""
    longest = max(sum(each.values()) for each in means.values()) or 1
    values = []
    for step, each in means.items():
        begin = 0
        for name in processes:
            share = each.get(name, 0)
            fitting = (share / longest * BAR - 8) / LETTER
            words = [f"{name} {number(share)}", name, ""]
            values.append(
                {
                    "step": step,
                    "process": name,
                    "value": share,
                    "begin": begin,
                    "middle": begin + share / 2,
                    "end": begin + share,
                    "words": next(word for word in words if len(word) <= max(0, fitting)),
                }
            )
            begin += share
    return values
