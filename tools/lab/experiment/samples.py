"""What a run has measured, from the results of the load generator: see measure/generator.py."""

import math
from collections import Counter, defaultdict
from statistics import median

from tools.lab.experiment.figures import BEYOND, BROWSING
from tools.lab.measure.load_figures import percentile
from tools.lab.measure.outcomes import NO_ANSWER, NOT_SENT, is_good
from tools.lab.measure.workload import REQUESTS

GROUPS = {"browse": BROWSING, "hold": ("hold",), "book": ("book",)}
SHARES = (50, 95)


def of_window(results, warm):
    """The results of the requests that were due after the warm-up."""
    return [each for each in results if each[1] >= warm]


def answered(results, begin, end):
    """How many answers came between two seconds of the load."""
    return sum(
        begin <= ended < end and outcome not in (NO_ANSWER, NOT_SENT)
        for *_, ended, outcome in results
    )


def outcomes(results):
    return dict(Counter(f"{operation} {outcome}" for operation, *_, outcome in results))


def of_operations(outcomes):
    """{operation: {outcome: how many}} of what outcomes() has put into one."""
    found = {}
    for name in REQUESTS:
        mine = {
            key.removeprefix(f"{name} "): count
            for key, count in outcomes.items()
            if key.startswith(f"{name} ")
        }
        found |= {name: mine} if mine else {}
    return found


def latencies(results):
    """{operation: milliseconds from when each request was due} of those that succeeded."""
    found = defaultdict(list)
    for operation, due, _, ended, outcome in results:
        if outcome[0] == "2":
            found[operation].append(round(1000 * (ended - due), 1))
    return dict(found)


def percentiles(latencies):
    """{key of FIGURES: milliseconds} of those that have samples enough."""
    merged = {
        group: [each for name in operations for each in latencies.get(name, ())]
        for group, operations in GROUPS.items()
    }
    return {
        f"{group} p{share}": percentile(values, share)
        for group, values in merged.items()
        for share in SHARES
        if carries(len(values), share)
    }


def carries(count, share):
    """Whether so many samples carry this percentile."""
    return count - math.ceil(count * share / 100) >= BEYOND


def by_second(results, seconds):
    """{"good", "failed", "p50"} of the requests that were due in each second of the load; p50 is in
    milliseconds, and None where nothing succeeded."""
    return [_of_second([each for each in results if int(each[1]) == n]) for n in range(seconds)]


def _of_second(results):
    took = [each for values in latencies(results).values() for each in values]
    good = sum(is_good(outcome) for *_, outcome in results)
    p50 = round(median(took), 1) if took else None
    return {"good": good, "failed": len(results) - good, "p50": p50}
