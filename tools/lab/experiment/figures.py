"""The figures of a run, in the order in which they are shown."""

from typing import NamedTuple

# the reads of a visitor: one figure, so that it has samples enough
BROWSING = ("browse", "search", "one event", "seats")
# a percentile needs this many samples beyond it
BEYOND = 5


class Figure(NamedTuple):
    """What a figure is called, its unit, and whether less of it is better."""

    name: str
    unit: str
    less_is_better: bool = True


PRIMARY = "cpu"
# found by a search, and not in runs: a figure of a Result
HIGHEST_RATE = "requests a second held"
FIGURES = {
    "cpu": Figure("CPU time of a request", "ms"),
    "memory": Figure("memory of all processes", "MB"),
    "browse p50": Figure("browse, p50", "ms"),
    "browse p95": Figure("browse, p95", "ms"),
    "hold p50": Figure("hold, p50", "ms"),
    "hold p95": Figure("hold, p95", "ms"),
    "book p50": Figure("book, p50", "ms"),
    "book p95": Figure("book, p95", "ms"),
    "start": Figure("start until ready", "s"),
}
