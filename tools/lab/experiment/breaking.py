"""Carries out drills on a running system, one after the other: outcome.py says what comes of it."""

import shutil
import threading
import time

from tools.lab.experiment.drills import CONTROL
from tools.lab.experiment.outcome import broken, compared, counted, described, is_whole
from tools.lab.experiment.visit import Visit
from tools.lab.look.payments import moved
from tools.lab.look.running import Running
from tools.lab.measure.drill import (
    RECONCILED_WITHIN,
    charged,
    mend,
    started,
    still_charged,
    stopped,
    well_after,
)
from tools.lab.measure.judge_money import WITHOUT_BOOKING
from tools.lab.measure.load import Load
from tools.lab.measure.reconcile import reconcile
from tools.lab.system.state import temporary_state

RATE = 8.0  # requests a second
BEFORE, AFTER = 2.0, 4.0  # seconds of load before and after the fault
ACCOUNTS = 8
SECONDS_EACH = 17  # of a drill, with the audit
WELL_WITHIN = 60.0  # seconds
SETTLES_WITHIN = 30.0  # seconds


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
    system broken, a new one replaces it. If it waits, still_charged are in the end the holds whose
    charge nobody has given back, out of so many that were charged without a booking."""

    def __init__(self, tree, drills, *, seed, log, waits=False):
        self.tree = tree
        self.drills = drills
        self.seed = seed
        self.log = log
        self.waits = waits
        self.control = None
        self.charged = 0  # holds
        self.still_charged = []

    def __iter__(self):
        with temporary_state(self.tree) as folder:
            system, holds = None, []
            try:
                for number, drill in enumerate(self.drills, 1):
                    if system and type(system) is not drill.kind:
                        self._end(system, holds)
                        system, holds = None, []
                    if not system:
                        system = started(self.tree, folder / str(number), self.log, drill.kind)
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
        if self.waits:
            self.still_charged += still_charged(system, holds, RECONCILED_WITHIN, self.log)
        system.stop(at_once=True)

    def _progress(self, number, drill):
        left = (len(self.drills) - number + 1) * SECONDS_EACH
        return f"{number} of {len(self.drills)}, {drill.name}; {about(left)} left"


def about(seconds):
    return f"about {round(seconds / 60)} min" if seconds >= 90 else f"about {seconds} s"


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
        heal=lambda: reconcile(system.tree, settings),
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
