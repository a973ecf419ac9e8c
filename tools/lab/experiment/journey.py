"""A whole move: it starts the system where the journal says, loads it, walks, loads it on, audits
it and stops it."""

import shutil
import time
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import NamedTuple

from tools.lab.experiment.migrate import Move, TurnedRound
from tools.lab.experiment.move_journal import MoveJournal
from tools.lab.experiment.move_result import result_of
from tools.lab.experiment.moving import Moving
from tools.lab.experiment.prepared import catch_up, refuse_services_elsewhere
from tools.lab.experiment.road import BACK, THERE
from tools.lab.experiment.traffic import Traffic
from tools.lab.ground.failed import Failed
from tools.lab.system.state import lock, remove

SAMPLE = (24, 20)  # events and accounts
BEFORE, AFTER = 3.0, 5.0  # seconds of load before the first stage and after the last one


class Wanted(NamedTuple):
    """What somebody wants of a move; anew is false where one goes on."""

    way: str
    anew: bool = True
    rate: float = 20.0  # requests a second
    pause_allowed: float = 8.0  # seconds
    complete: bool = False
    stop_the_world: bool = False
    seed: int = 1


class Journey:
    """A move from the first of these trees to the last one, along legs, whose state and journal lie
    in folder."""

    def __init__(self, trees, legs, folder, wanted, tell):
        self.trees = trees
        self.legs = legs
        self.folder = folder
        self.state = folder / "state"
        self.wanted = wanted
        self.tell = tell
        self.journal = MoveJournal(folder / "journal.jsonl")
        self.was_audited = self.journal.is_audited

    def check(self):
        """Failed if the journal does not fit what is wanted."""
        done, doing, _ = self.journal.position()
        steps = [tree.slug for tree in self.trees]
        is_interrupted = doing is not None or 0 < done < len(self.legs)
        if self.wanted.anew and is_interrupted:
            raise Failed(
                f"a move from {steps[0]} to {steps[-1]} was interrupted: go on with --resume or "
                f"--back, or delete {self.folder}",
                2,
            )
        if self.wanted.anew:
            return
        if not self.journal.lines or self.journal.lines[0]["steps"] != steps:
            raise Failed(f"there is no move from {steps[0]} to {steps[-1]} to go on with", 2)
        begun = doing[0] + 1 if doing else done
        if begun > len(self.legs):
            raise Failed("there is no way back any more; --resume --complete goes on", 2)
        if not self.was_audited:  # it goes on with the load and the audit
            return
        if self._way() == BACK and not done and not doing:
            raise Failed("the move is where it began; there is nothing to undo", 2)
        if self._way() == THERE and done == len(self.legs):
            is_complete = self.legs[-1].stage.kind == "complete"
            raise Failed(f"the move is at its end{'' if is_complete else '; --back goes back'}", 2)

    def _way(self):
        """The way that is walked now: a move that was interrupted goes on where it was going."""
        if self.wanted.anew or self.wanted.way == BACK:
            return self.wanted.way
        done, doing, way = self.journal.position()
        return way if done or doing or not self.was_audited else THERE

    def carry_out(self, log):
        """(the Result, whether it is as it should be: no promise broken, not turned round)."""
        refuse_services_elsewhere()
        self._open_journal()
        with self._running(log) as move:
            turned_round = self._walk(move)
            time.sleep(AFTER)
            move.traffic.end()
            log("waiting until everything has settled, and auditing")
            found = result_of(move, self.trees, self.wanted._asdict(), turned_round)
            self.journal.add("audited", time.time())
            return found

    def _walk(self, move):
        """The reason why the move turned round, or nothing."""
        way = self._way()
        if move.traffic.sending:
            time.sleep(BEFORE)
        with move.shut() if self.wanted.stop_the_world else nullcontext():
            try:
                move.back() if way == BACK else move.there()
                move.keep_load()
                return ""
            except TurnedRound as reason:
                return str(reason)
            finally:
                move.system.tree = move.here.facade

    def _open_journal(self):
        if not self.wanted.anew:
            self.journal.add("goes on", time.time(), is_cut_off=not self.was_audited)
            return
        if self.folder.exists():
            lock(self.state).close()  # Failed while it runs
            remove(self.state)
            shutil.rmtree(self.folder)
        self.journal = MoveJournal(self.journal.path)
        self.journal.add("plan", time.time(), steps=[tree.slug for tree in self.trees])

    @contextmanager
    def _running(self, log):
        """A Move on the system as the journal says, with its load if the shop is open."""
        is_new = self.wanted.anew
        system = Moving(
            self.trees[0],
            self.state,
            seed=SAMPLE,
            show=lambda name, line: None,
            progress=log,
        )
        folders = [Path(line["folder"]) for line in self.journal.of("load")]
        traffic = Traffic(system, rate=self.wanted.rate, seed=self.wanted.seed, folders=folders)
        options = {"pause_allowed": self.wanted.pause_allowed, "tell": self.tell}
        move = Move(self.legs, system, self.journal, traffic, **options)
        try:
            system.shut = self.wanted.stop_the_world and not is_new
            system.begin(self._reached(), move.here)
            system.shut = False
            if is_new:
                catch_up(system, log)
            move.keep_load_if_possible()
            yield move
        finally:
            traffic.stop()
            system.stop()

    def _reached(self):
        """The trees whose roads were begun."""
        done, doing, _ = self.journal.position()
        return list(dict.fromkeys(leg.new for leg in self.legs[: done + bool(doing)]))
