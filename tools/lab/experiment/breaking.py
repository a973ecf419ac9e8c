"""Carries out drills on a running system, one after the other.

The outcome of a drill, as Result.drills has it, {step: {name: outcome}}:

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

import shutil
import threading
import time
from statistics import median

from tools.lab.experiment.drills import CONTROL, expected, may_break
from tools.lab.experiment.figures import BROWSING
from tools.lab.experiment.proxied import Proxied
from tools.lab.experiment.samples import by_second
from tools.lab.experiment.visit import Visit
from tools.lab.look.payments import moved
from tools.lab.look.running import Running
from tools.lab.measure.drill import (
    HOLD_SECONDS,
    charged,
    mend,
    started,
    still_charged,
    stopped,
    well_after,
)
from tools.lab.measure.judge import MONEY, PROOF
from tools.lab.measure.judge_money import WITHOUT_BOOKING
from tools.lab.measure.load import Load
from tools.lab.measure.outcomes import NOT_SENT, is_good
from tools.lab.system.state import temporary_state
from tools.lab.system.system import System

RATE = 8.0  # requests a second
BEFORE, AFTER = 2.0, 4.0  # seconds of load before and after the fault
ACCOUNTS = 8
SECONDS_EACH = 17  # of a drill, with the audit
WELL_WITHIN = 60.0  # seconds
SETTLES_WITHIN = 30.0  # seconds
GIVEN_BACK_WITHIN = 60.0  # seconds from the end of a hold


class Event(threading.Thread):
    """The fault of a drill, a visit during it, and how long it takes until all is well again; began
    and over are seconds of the clock; well(system, since, within) waits until all is well."""

    def __init__(self, system, drill, visit, well=well_after):
        super().__init__(daemon=True)
        self.system = system
        self.drill = drill
        self.visit = visit
        self.wait_until_well = well
        self.loaded = self.began = self.over = self.well = None
        self.trouble = []

    def begin(self, loaded):
        """loaded is the second of the clock at which the load begins."""
        self.loaded = loaded
        self.start()

    def run(self):
        time.sleep(max(0.0, self.loaded + BEFORE - time.monotonic()))
        self.began = time.monotonic()
        try:
            with self.drill.fault(self.system):
                self._stay()
        except Exception as error:
            self.trouble.append(f"the fault did not begin or end as it should: {error!r}")
        if not self.visit.tried:
            self.visit.begin()
        self.over = self.over or time.monotonic()
        self.well = self.wait_until_well(self.system, self.over, WELL_WITHIN)

    def _stay(self):
        on = time.monotonic()
        time.sleep(self.drill.visit_after)
        self.visit.begin()
        time.sleep(max(0.0, on + self.drill.lasts - time.monotonic()))
        self.over = time.monotonic()


class Breaking:
    """Iterates over (Drill, outcome) of drills, on one system of a tree. Where a drill leaves the
    system broken, a new one replaces it."""

    def __init__(self, tree, drills, *, seed, log):
        self.tree = tree
        self.drills = drills
        self.seed = seed
        self.log = log
        self.control = None
        self.charged = 0  # holds
        self.still_charged = []

    def __iter__(self):
        with temporary_state(self.tree) as folder:
            system, holds = None, []
            try:
                for number, drill in enumerate(self.drills, 1):
                    kind = Proxied if drill.proxied else System
                    if system and type(system) is not kind:
                        self._end(system, holds)
                        system, holds = None, []
                    if not system:
                        system = started(self.tree, folder / str(number), self.log, kind)
                    self.log(self._progress(number, drill))
                    outcome, charged_now = carry_out(system, drill, seed=f"{self.seed} {number}")
                    holds += charged_now
                    self.charged += len(charged_now)
                    if drill is CONTROL:
                        self.control = outcome
                    outcome |= compared(outcome, self.control)
                    yield drill, outcome
                    if not is_whole(outcome):
                        system.stop(at_once=True)
                        self.still_charged += holds
                        system, holds = None, []
                if system:
                    self._end(system, holds)
            finally:
                if system:
                    system.stop(at_once=True)

    def _end(self, system, holds):
        """Stop a system once it has given back what was charged for holds without a booking."""
        within = HOLD_SECONDS + GIVEN_BACK_WITHIN
        self.still_charged += still_charged(system, holds, within, self.log)
        system.stop(at_once=True)

    def _progress(self, number, drill):
        left = (len(self.drills) - number + 1) * SECONDS_EACH
        return f"{number} of {len(self.drills)}, {drill.name}; {about(left)} left"


def about(seconds):
    return f"about {round(seconds / 60)} min" if seconds >= 90 else f"about {seconds} s"


def is_whole(outcome):
    """Whether the system was well afterwards, and broke no promise but those that it is known to
    break."""
    unknown = outcome["broken"].keys() - set(outcome["may_break"])
    return outcome["well_after"] is not None and not outcome["trouble"] and not unknown


def carry_out(system, drill, *, seed, rate=RATE):
    """The outcome of a drill on a system that is well, and the holds that are charged without a
    booking; afterwards the system is as well as it can be."""
    settings = system.to_run()
    holds_before = {item["metadata"].get("hold_id") for item in moved(settings["STRIPE_API_BASE"])}
    load = Load(settings, accounts=ACCOUNTS, seed=seed, log=lambda line: None)
    visit = Visit(Running(system))
    event = Event(system, drill, visit)
    seconds = BEFORE + drill.lasts + AFTER
    measured = load.send(rate, seconds, warm=0.0, begin=event.begin)
    event.join()
    found = visit.found(event.over)
    if event.well is None:
        mend(system)
    verdict = load.settle(
        within=SETTLES_WITHIN,
        may_remain=lambda line: WITHOUT_BOOKING in line,  # until the hold has ended
        holds_before=holds_before,
    )
    if not any(verdict.left.values()):
        shutil.rmtree(load.folder)  # the ledger matters only where something is wrong
    holds = charged(verdict)
    outcome = {
        **described(drill, system.tree.slug, found),
        "refusals": visit.refusals,
        **counted(measured, event, drill.name, round(seconds)),
        "well_after": event.well,
        "broken": broken(verdict),
        "healed": verdict.healed,
        "charged": len(holds),
        "trouble": [*event.trouble, *(f"{name} does not run" for name in stopped(system))],
    }
    return outcome, holds


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
