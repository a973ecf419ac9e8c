"""The outcome of a drill, as Result.drills has it, {step: {name: outcome}}:

title, hypothesis   for the reader, one sentence each
component           the process or service that is stopped until the fault ends, or "": these
                    drills are the rows of the matrix of components and journeys
expected, found     {journey: works, later or fails}; later: once the fault has ended
as_expected         whether the two are the same
refusals            {journey that failed: how it was answered}
requests, failed    of the load, due while the fault was on, without those of visitors who still
                    waited for the answer before
failed_undisturbed  the same in the control; None if there was none
p50                 of reads meanwhile, in milliseconds; None if none succeeded
slower              p50 / p50 of the control; None if one of them is missing
well_after          seconds from the end of the fault until a customer could buy a seat and got
                    the mail; None if that did not happen by itself
broken              {promise: [violation, ...]} at the end, without the promises that are kept
may_break           promises that the drill is known to break at this step
healed              {violation: seconds until it was gone}
charged             charges without a booking: they are given back once their holds have ended
trouble             what did not end: a fault, a process that does not run any more
faults              [[began, ended, name]], in seconds since the load began
seconds             of each second of the load: {good, failed, p50}
"""

from statistics import median

from tools.lab.experiment.figures import BROWSING
from tools.lab.experiment.hypothesis import expected, may_break
from tools.lab.experiment.samples import by_second
from tools.lab.measure.judge import MONEY, PROOF
from tools.lab.measure.judge_money import WITHOUT_BOOKING
from tools.lab.measure.outcomes import NOT_SENT, is_good


def is_whole(outcome):
    """Whether the system was well afterwards, and broke no promise but those that it is known to
    break."""
    unknown = outcome["broken"].keys() - set(outcome["may_break"])
    return outcome["well_after"] is not None and not outcome["trouble"] and not unknown


def described(drill, slug, found):
    """What a drill says beforehand, and what was found."""
    hoped = expected(drill, slug)
    return {
        "title": drill.title,
        "hypothesis": drill.hypothesis,
        "component": drill.component,
        "expected": hoped,
        "found": found,
        "as_expected": hoped == found,
        "may_break": may_break(drill, slug),
    }


def broken(verdict):
    """{promise: violations} of those that were broken. Charges without a booking are counted apart,
    and that bookings work is shown by the customer who buys a seat afterwards."""
    waiting = [line for line in verdict.left[MONEY] if WITHOUT_BOOKING in line]
    left = {
        promise: [line for line in lines if line not in waiting]
        for promise, lines in verdict.left.items()
    }
    return {promise: lines for promise, lines in left.items() if lines and promise != PROOF}


def counted(measured, event, name, seconds):
    """The requests that were due while the fault was on, and those of each second."""
    results = [each for each in measured["results"] if each[-1] != NOT_SENT]
    began, over = event.began - event.loaded, event.over - event.loaded
    during = [each for each in results if began <= each[1] < over]
    return {
        "requests": len(during),
        "failed": sum(not is_good(outcome) for *_, outcome in during),
        "p50": p50(during),
        "faults": [[round(began, 2), round(over, 2), name]],
        "seconds": by_second(results, seconds),
    }


def p50(results):
    """The median latency of the reads that succeeded, in milliseconds; None without any."""
    took = [
        1000 * (ended - due)
        for operation, due, _, ended, outcome in results
        if operation in BROWSING and is_good(outcome)
    ]
    return round(median(took), 1) if took else None


def compared(outcome, control):
    """What an outcome is against that of the control."""
    if not control:
        return {"failed_undisturbed": None, "slower": None}
    both = outcome["p50"] and control["p50"]
    return {
        "failed_undisturbed": control["failed"],
        "slower": round(outcome["p50"] / control["p50"], 2) if both else None,
    }
