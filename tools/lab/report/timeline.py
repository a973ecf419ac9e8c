"""The chart of a fault: requests in each second of a run that was disturbed."""

from tools.lab.report.drawing import BAND, BLUE, RED, Chart

KINDS = ("good", "failed")


def timeline(title, disturbed):
    """Of each step, {step: (seconds, faults) as in a Run}, one below the other."""
    disturbed = {step: each for step, each in disturbed.items() if each[0]}
    if not disturbed:
        return None
    most = max(
        second["good"] + second["failed"] for seconds, _ in disturbed.values() for second in seconds
    )
    last = max(len(seconds) for seconds, _ in disturbed.values())
    views = [view(step, *each, most, last) for step, each in disturbed.items()]
    return Chart(
        title,
        "Requests by the second in which they were due: those that succeeded, and those that "
        "failed. The shaded time is the fault.",
        {"vconcat": views, "spacing": 14},
        [
            "second",
            *(f"{step}, {kind} a second" for step in disturbed for kind in KINDS),
        ],
        [
            [
                second,
                *(
                    count(seconds, second, kind)
                    for seconds, _ in disturbed.values()
                    for kind in KINDS
                ),
            ]
            for second in range(last)
        ],
    )


def count(seconds, second, kind):
    return seconds[second][kind] if second < len(seconds) else None


def view(step, seconds, faults, most, last):
    values = [
        {"second": second, "outcome": kind, "count": each[kind]}
        for second, each in enumerate(seconds)
        for kind in KINDS
    ]
    shaded = [{"began": began, "ended": ended, "name": name} for began, ended, name in faults]
    x = {
        "type": "quantitative",
        "title": "seconds since the load began",
        "scale": {"domain": [0, last], "nice": False},
    }
    colour = {"domain": list(KINDS), "range": [BLUE, RED]}
    dash = {"domain": list(KINDS), "range": [[1, 0], [5, 3]]}
    outcome = {"field": "outcome", "type": "nominal", "title": "requests"}
    return {
        "title": step,
        "width": 560,
        "height": 90,
        "layer": [
            {
                "data": {"values": shaded},
                "mark": {"type": "rect", "color": BAND},
                "encoding": {"x": {"field": "began", **x}, "x2": {"field": "ended"}},
            },
            {
                "data": {"values": shaded},
                "mark": {
                    "type": "text",
                    "align": "left",
                    "baseline": "top",
                    "dx": 4,
                },
                "encoding": {
                    "x": {"field": "began", **x},
                    "y": {"value": 4},
                    "text": {"field": "name"},
                },
            },
            {
                "data": {"values": values},
                "mark": {"type": "line", "strokeWidth": 2, "interpolate": "step-after"},
                "encoding": {
                    "x": {"field": "second", **x},
                    "y": {
                        "field": "count",
                        "type": "quantitative",
                        "title": "a second",
                        "axis": {"tickCount": 3},
                        "scale": {"domain": [0, most * 1.5 or 1]},
                    },
                    "color": {**outcome, "scale": colour},
                    "strokeDash": {**outcome, "scale": dash},
                },
            },
        ],
    }
