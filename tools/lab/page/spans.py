"""The spans that the processes of a step write down: what each of them did for which trace."""

import json
from contextlib import suppress
from typing import NamedTuple

SERVER, CLIENT, PRODUCER, CONSUMER = 2, 3, 4, 5  # OTLP's numbers of kinds of spans
ERROR = 2  # and of a status
SECOND = 1e9  # nanoseconds


class Span(NamedTuple):
    """A piece of work of a process, for a trace; began and ended are seconds since 1970."""

    id: str
    parent: str
    trace: str
    process: str
    name: str
    kind: int
    began: float
    ended: float
    failed: bool


def read(line):
    """The Spans in a line of a file of spans; none in a line that is not whole."""
    from tools.lab.look.trace import spans_of  # takes a while to import

    found = []
    with suppress(ValueError, KeyError, TypeError):
        found += map(as_span, spans_of(json.loads(line)))
    return found


def as_span(span):
    return Span(
        span["spanId"],
        span.get("parentSpanId", ""),
        span["traceId"],
        span["service"],
        span["name"],
        span["kind"],
        int(span["startTimeUnixNano"]) / SECOND,
        int(span["endTimeUnixNano"]) / SECOND,
        span.get("status", {}).get("code") == ERROR,
    )
