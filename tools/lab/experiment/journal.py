"""The journal of a comparison: its plan, and a line for every run that is over, so that it can be
interrupted and resumed."""

import json
import os
from dataclasses import asdict

from tools.lab.experiment.result import Run
from tools.lab.ground.failed import Failed
from tools.lab.ground.http import as_object


class Journal:
    """The folder of one comparison, with a plan that stays as it is."""

    def __init__(self, folder):
        self.folder = folder
        self.runs_file = folder / "runs.jsonl"

    @property
    def name(self):
        return self.folder.name

    def begin(self, plan):
        self.folder.mkdir(parents=True)
        self.runs_file.touch()
        self.keep("plan", plan)

    def keep(self, name, value):
        """Keep a value beside the runs, under this name."""
        (self.folder / f"{name}.json").write_text(json.dumps(value, indent=1) + "\n")

    def kept(self, name):
        """The value under this name; None if there is none."""
        path = self.folder / f"{name}.json"
        return json.loads(path.read_text()) if path.exists() else None

    def check(self, plan):
        """Failed if the comparison began with another plan, or with other files of a step."""
        before, now = self.kept("plan"), json.loads(json.dumps(plan))
        if differing := [key for key in {**before, **now} if before.get(key) != now.get(key)]:
            raise Failed(
                f"{self.name} cannot be resumed: its {' and '.join(differing)} changed since it "
                "began; begin again without --resume",
                2,
            )

    def add(self, run, attempt):
        """Keep a run that is over, in place of an earlier one of the same step and attempt; attempt
        counts how often its block was begun."""
        with self.runs_file.open("a") as file:
            # on a line of its own, also after one that a power failure has cut off
            file.write(f"\n{json.dumps({'attempt': attempt, 'run': asdict(run)})}\n")
            file.flush()
            os.fsync(file.fileno())

    def read(self):
        """{block: (attempt, {step: Run})} of the newest attempt at each block."""
        blocks = {}
        for kept in filter(None, map(as_object, self.runs_file.read_text().splitlines())):
            run, attempt = Run(**kept["run"]), kept["attempt"]
            before, runs = blocks.get(run.block, (attempt, {}))
            blocks[run.block] = (attempt, {**(runs if before == attempt else {}), run.step: run})
        return blocks

    def runs(self):
        """The runs of every block, without those of attempts that were made again."""
        return [run for _, (_, runs) in sorted(self.read().items()) for run in runs.values()]


def newest(folder):
    """The Journal that was begun last below a folder, or None."""
    begun = sorted(folder.glob("*/plan.json"))
    return Journal(begun[-1].parent) if begun else None
