"""Figures from the results of the load generator, and what they mean: void, held or not held."""

import math
from collections import Counter

from tools.lab.measure.outcomes import IN_TIME, NOT_SENT, is_error, is_good, is_in_time
from tools.lab.measure.workload import REQUESTS

# a rate is held if this share of requests is answered in time, and this share of the rate succeeds
HELD_SHARE = 0.99
HELD_RATE = 0.97
# beyond these, the run measured the generator instead of the system
MOST_LAG = 0.005  # seconds
MOST_CPU = 0.25  # of a core
MOST_PROBE_LAG = IN_TIME / 10  # a probe only counts what is answered in time


def figures(measured, *, warm, seconds):
    """The figures of the requests that were due after the warm-up; latencies are in milliseconds,
    of successful requests only."""
    results = [each for each in measured["results"] if each[1] >= warm]
    count = max(1, len(results))
    lags = [sent - due for _, due, sent, _, outcome in results if outcome != NOT_SENT]
    holds = [outcome for operation, *_, outcome in results if operation == "hold"]
    failed = [
        f"{operation} {outcome}" for operation, *_, outcome in results if not is_good(outcome)
    ]
    in_time = [is_in_time(due, ended, outcome) for _, due, _, ended, outcome in results]
    through = [
        warm <= ended < warm + seconds and is_good(outcome)
        for *_, ended, outcome in measured["results"]
    ]
    return {
        "operations": {
            name: _of_operation([each for each in results if each[0] == name]) for name in REQUESTS
        },
        "requests": len(results),
        "errors": sum(is_error(outcome) for *_, outcome in results),
        "failed": dict(Counter(failed)),
        "in_time": sum(in_time) / count,
        "throughput": sum(through) / seconds,
        "seat_taken": sum(outcome == "409 seat-taken" for outcome in holds) / max(1, len(holds)),
        "lag_p99_ms": 1000 * percentile(lags, 99),
        "cpu": measured["cpu"],
        "connections": measured["connections"],
    }


def _of_operation(results):
    took = [1000 * (ended - due) for _, due, _, ended, outcome in results if outcome[0] == "2"]
    return {
        "count": len(results),
        **{f"p{share}": percentile(took, share) for share in (50, 95, 99)},
        "outcomes": dict(Counter(outcome for *_, outcome in results)),
    }


def percentile(values, share):
    """The value that so many percent of values do not exceed; 0 if there are none."""
    return sorted(values)[math.ceil(len(values) * share / 100) - 1] if values else 0.0


def why_void(figures, most_lag=MOST_LAG):
    """The reason why a run measured the generator instead of the system, or ""."""
    reasons = []
    if figures["lag_p99_ms"] > 1000 * most_lag:
        late = figures["lag_p99_ms"]
        reasons.append(
            f"the generator sent {late:.1f} ms late (p99), more than {1000 * most_lag:g}"
        )
    if figures["cpu"] > MOST_CPU:
        reasons.append(f"the generator used {figures['cpu']:.2f} of a core, more than {MOST_CPU:g}")
    return " and ".join(reasons)


def is_held(figures, rate):
    return (
        figures["in_time"] >= HELD_SHARE
        and not figures["errors"]
        and figures["throughput"] >= HELD_RATE * rate
    )
