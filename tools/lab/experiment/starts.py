"""Where the runs of a comparison happen: each on a fresh start, or all on systems that stay up."""

from contextlib import ExitStack

import psutil

from tools.lab.experiment import run as running
from tools.lab.ground.waiting import eventually
from tools.lab.measure.cpu import is_at_rest

ONCE = ("start",)  # figures that a system has once, however many runs it serves
AT_REST_WITHIN = 30.0  # seconds
MEGABYTE = 1e6
NEEDS = 500  # MB that a step needs with its backing services, measured and rounded up
NEEDS_WITH_KAFKA = 1100
SPARE = 1000  # MB for the generator and everything else


class Starts:
    """Begins with each of prepared, {name: Prepared}, and ends with all of them."""

    def __init__(self, prepared, plan, say):
        self.prepared = prepared
        self.plan = plan
        self.say = say
        self.stack = ExitStack()

    def __enter__(self):
        try:
            for name, each in self.prepared.items():
                self.begin(name, each)
        except BaseException:
            self.stack.close()
            raise
        return self

    def __exit__(self, *trouble):
        self.stack.close()


class FreshStarts(Starts):
    """Every run has a start of its own, and is audited by itself."""

    def begin(self, name, prepared):
        self.say(f"{name}: making its sample data")
        self.stack.enter_context(prepared)

    def run(self, name, block):
        return running.run(self.prepared[name], self.plan, block)

    def audit(self, journal):
        """Nothing is left: each run has been audited."""


class KeptUp(Starts):
    """All systems are up, and one at a time is under load. They are audited at the end, each once
    for all its runs."""

    def __init__(self, prepared, plan, say):
        super().__init__(prepared, plan, say)
        self.systems = {}
        self.loads = {}

    def begin(self, name, prepared):
        self.say(f"{name}: starting")
        self.systems[name] = self.stack.enter_context(prepared.start_once())
        self.loads[name] = running.visitors(self.systems[name], self.plan, prepared.log)

    def run(self, name, block):
        run = running.measure(self.systems[name], self.plan, block, load=self.loads[name])
        run.figures = {key: value for key, value in run.figures.items() if key not in ONCE}
        try:  # or what one step still has to do would slow the next one down
            eventually(lambda: is_at_rest(self.systems[name]), within=AT_REST_WITHIN)
        except AssertionError:
            run.void = f"the step was not at rest {AT_REST_WITHIN:g} s after its load"
        return run

    def audit(self, journal):
        """Audit each system, and keep what all of its runs have broken with the last one."""
        blocks = journal.read()
        for name, system in self.systems.items():
            self.say(f"{name}: waiting until everything has settled, and auditing")
            last = max(block for block, (_, runs) in blocks.items() if name in runs)
            attempt, runs = blocks[last]
            running.settle(system, self.loads[name], runs[name])
            journal.add(runs[name], attempt)


def missing_memory(trees):
    """How many MB too few are free to keep all these trees up at the same time; 0 if enough."""
    needed = SPARE + sum(NEEDS_WITH_KAFKA if tree.topics else NEEDS for tree in trees)
    return max(0, round(needed - psutil.virtual_memory().available / MEGABYTE))
