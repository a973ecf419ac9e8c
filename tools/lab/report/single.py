"""What `./lab bench` has measured, request by request, in Markdown: folded, since few need it."""

import re

from tools.lab.report.blocks import said, table
from tools.lab.report.human import middle, spread, with_unit

COST = re.compile(r"CPU of (?P<process>.+) for (?P<request>.+), ms")
ABOUT = """\
Measured request by request, with nothing else running. So do not compare these values with those
above: times are lower here, and memory depends on what a process has done. A value is a median;
where a thing was measured several times, the lowest and highest are beside it. Lower is better,
except for rates. A *bare route* is a Flask route that reads the same rows with one statement of
SQLAlchemy, and does nothing besides. A share of 0.6 means: 60 requests in the time in which the
bare route answers 100. If a share is above 1, Encore's route is the faster one. A *bare insert* is
the same with a POST that inserts one row. From step 02 on, the requests to both go through a
facade."""
OF_THE_FACADE = """\
The lines about the facade: a *read* is a GET, a *write* is a POST. *A Caddy without routes, checks
and log* is a second reverse proxy, which does nothing but pass requests on. So its line is the
price of any reverse proxy, and the rest is what this facade does besides."""
OF_CPU = """\
CPU time of one request by process, in milliseconds. Work after the answer counts, idle work does
not. Each value is a median, so a column's sum may differ a little from *all*. Lower is better."""
OF_HELPERS = {
    "yardstick": "The *yardstick* is the process of the bare routes.",
    "second facade": "The *second facade* is one more, in front of the bare routes.",
}


def single_requests(slug, kept):
    figures = kept.figures(slug, "bench")
    if not figures:
        return ""
    costs, others = split(figures)
    rows = [[*with_unit(name, values), spread(values)] for name, values in others.items()]
    has_facade = any("the facade" in name for name in others)
    return said(
        "<details><summary>Details: single requests, start, memory, mail and messages</summary>",
        ABOUT,
        *[OF_THE_FACADE] * has_facade,
        table(["figure", "median", "lowest to highest"], rows),
        " ".join([OF_CPU, *(about for name, about in OF_HELPERS.items() if name in costs)]),
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
