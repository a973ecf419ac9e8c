"""The journal of a move: a line before and after each stage, so that the move can go on, or back,
after a kill at any moment."""

import json
import os
from typing import NamedTuple

from tools.lab.experiment.road import BACK, THERE
from tools.lab.ground.http import as_object


class Position(NamedTuple):
    """How far a move is: the number of stages that are done, the stage that was begun and is not
    over, as (number, way), or None, and the way on which the move is."""

    done: int
    doing: tuple | None
    way: str


class MoveJournal:
    """A file to which lines are added: {"what", "at", ...}."""

    def __init__(self, path):
        self.path = path
        text = path.read_text() if path.exists() else ""
        self.lines = [line for line in map(as_object, text.splitlines()) if line]

    def add(self, what, at, **more):
        """Keep a line for good."""
        line = {"what": what, "at": at, **more}
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("a") as file:
            # on a line of its own, also after one that a power failure has cut off
            file.write(f"\n{json.dumps(line)}\n")
            file.flush()
            os.fsync(file.fileno())
        self.lines.append(line)

    def of(self, what):
        return [line for line in self.lines if line["what"] == what]

    @property
    def is_audited(self):
        """Whether the last run has come to its end; if not, it was interrupted."""
        return bool(self.lines) and self.lines[-1]["what"] == "audited"

    def position(self):
        done, doing, way = 0, None, THERE
        for line in self.lines:
            stage = line.get("stage")
            if line["what"] == "begins":
                way = line["way"]
                doing = (stage, way)
            elif line["what"] == "turns":
                way = BACK
                doing = None if stage is None else (stage, BACK)
            elif line["what"] == "done":
                done = stage + (line["way"] == THERE)
                doing = None
        return Position(done, doing, way)
