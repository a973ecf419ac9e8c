"""Walks the roads from one step to another while visitors come; and back, where that is wanted or a
stage fails. The journal has a line before and after each stage."""

import time
from contextlib import contextmanager, suppress

from tools.lab.experiment.move_outcome import measured
from tools.lab.experiment.road import BACK, THERE
from tools.lab.experiment.stages import carry_out
from tools.lab.ground.failed import Failed
from tools.lab.measure.outcomes import IN_TIME, NOT_SENT, is_error

WATCH_SECONDS = 3.0  # after requests go somewhere else
ERRORS_ALLOWED = 0.05  # share of the requests of a stage
UNCHANGED = ("gate", "drain", "complete")  # there is nothing to undo where one of these fails


class TurnedRound(Exception):
    """The move went back by itself; the text says why."""


class Move:
    """The stages of a road on a system, with the load on it. A stage whose requests wait for longer
    than pause_allowed, or fail too often, turns the move round, unless the shop is shut anyway."""

    def __init__(self, legs, system, journal, traffic, *, pause_allowed, tell):
        self.legs = legs
        self.system = system
        self.journal = journal
        self.traffic = traffic
        self.pause_allowed = pause_allowed
        self.tell = tell
        self.is_renewed = True  # false while the visitors are signed out

    @property
    def here(self):
        """What runs now, if no stage is under way."""
        done = self.journal.position().done
        return self.legs[done].before if done < len(self.legs) else self.legs[-1].after

    @contextmanager
    def shut(self):
        """Nobody answers during the whole move."""
        try:
            with self.system.closed():
                yield
        finally:
            self.keep_load()

    def there(self):
        """Walk to the end. TurnedRound where a stage failed, and everything is as at the start."""
        number = done = self.journal.position().done
        since = time.time()
        try:
            for number in range(done, len(self.legs)):
                self._check_budget(since, self._walk(number, THERE))
        except Failed as trouble:
            self._turn(number, str(trouble))

    def back(self):
        """Undo every stage that is done; one that was interrupted is finished before."""
        done, doing, _ = self.journal.position()
        for leg in self.legs[:done]:
            if leg.stage.kind == "complete":
                raise Failed(f"there is no way back: {leg.stage.lost}")
        if doing == (done, THERE):
            doing = None
            if self.legs[done].stage.kind not in UNCHANGED:
                self._walk(done, THERE)
                done += 1
        first = doing[0] if doing else done - 1
        for number in range(first, -1, -1):
            self._walk(number, BACK)

    def _turn(self, number, trouble):
        done, doing, _ = self.journal.position()
        is_begun = doing is not None and self.legs[number].stage.kind not in UNCHANGED
        self.tell(f"turns round: {trouble}")
        self.journal.add("turns", time.time(), stage=number if is_begun else None, reason=trouble)
        self.back()
        raise TurnedRound(trouble)

    def _walk(self, number, way):
        """Carry out a stage or undo it; the moment at which it began."""
        leg = self.legs[number]
        began = time.time()
        self.journal.add("begins", began, stage=number, way=way)
        self.tell(f"{number + 1} of {len(self.legs)}, {way}: {leg.stage.title}")
        self.system.attach(leg.code)
        carry_out(self.system, leg, way)
        self._watch(number, way)
        self._note_drops(leg.stage)
        self.journal.add("done", time.time(), stage=number, way=way, began=began)
        self.keep_load_if_possible()
        return began

    def _watch(self, number, way):
        """Look at the load for a while after requests go somewhere else, unless they wait for what
        comes next."""
        is_changed = self.legs[number].stage.kind == "route"
        following = self.legs[number + 1 : number + 2] if way == THERE else []
        is_awaited = any(leg.stage.kind == "fence" for leg in following)
        if is_changed and not is_awaited and self.system.is_open and self.traffic.sending:
            time.sleep(WATCH_SECONDS)

    def _note_drops(self, stage):
        if stage.drops:
            self.journal.add("drops", time.time(), drops=stage.drops)
            self.is_renewed = False

    def keep_load_if_possible(self):
        """keep_load, unless new visitors cannot register or see seats: where a fence is closed,
        they come after a later stage."""
        with suppress(Failed):
            self.keep_load()

    def keep_load(self):
        """Have visitors come as soon as the shop is open; new ones where the others are signed
        out."""
        if not self.system.is_open or (self.traffic.sending and self.is_renewed):
            return
        if not self.is_renewed:
            self.journal.add("signed out", time.time(), count=self.traffic.signed_out())
        self.traffic.end()
        self.traffic.begin()
        self.is_renewed = True
        self.journal.add("load", time.time(), folder=str(self.traffic.folders[-1]))

    def _check_budget(self, since, began):
        """Failed if too many requests of the stage that began then have failed, or one of the move
        waited for too long."""
        if self.system.shut:
            return
        sent = [each for each in self.traffic.answers(since) if each[-1] != NOT_SENT]
        found = [each for each in sent if each[1] >= began]
        errors = sum(is_error(outcome) for *_, outcome in found)
        if errors > max(2, ERRORS_ALLOWED * len(found)):
            share = f"{ERRORS_ALLOWED:.0%}"
            raise Failed(f"{errors} of {len(found)} requests failed; allowed are {share}")
        longest = measured(sent, since, time.time())["longest"]
        if longest > max(IN_TIME, self.pause_allowed):
            allowed = f"{self.pause_allowed:g} s"
            raise Failed(f"a request waited for {longest:.1f} s; allowed are {allowed}")
