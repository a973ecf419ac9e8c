"""What runs while a system moves from one step to the next, as a list of stages decides it."""

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import NamedTuple

from tools.lab.experiment import road
from tools.lab.ground.failed import Failed
from tools.lab.ground.tree import Tree

FACADE = "facade"


def instance_of(process, tree):
    """The name of an instance: web.07 is the process web of step 07."""
    return f"{process}.{tree.slug[:2]}"


def process_of(instance):
    return instance.partition(".")[0]


def asked(tree):
    """The processes to which a facade with the routes of a tree sends requests."""
    return {route.process for route in tree.routes()}


def processes_of(tree):
    """The processes of a tree without the facade, which goes on with other routes."""
    return [name for name in tree.processes() if name != FACADE]


@dataclass(frozen=True)
class Deployment:
    """running is {instance: its tree}, in starting order. The facade has the routes of one tree. It
    sends requests to the instances of the trees in routed. If none of them runs, requests wait, and
    go to the instance of the process that starts next."""

    running: dict
    routed: tuple
    facade: Tree

    @classmethod
    def of(cls, tree):
        """A step as it is usually."""
        names = sorted(processes_of(tree), key=lambda name: not tree.serves(name))
        return cls({instance_of(name, tree): tree for name in names}, (tree,), tree)

    def serving(self):
        """{instance: process} of those that get requests."""
        wanted = asked(self.facade)
        return {
            instance: process_of(instance)
            for instance, tree in self.running.items()
            if tree in self.routed and process_of(instance) in wanted
        }

    def after(self, stage, old, new):
        """What runs after a stage of the road from old to new; Failed if the stage cannot be."""
        change = {"start": self._started, "stop": self._stopped, "route": self._routed}
        return change[stage.kind](stage, old, new) if stage.kind in change else self

    def _started(self, stage, old, new):
        if stage.process not in processes_of(new):
            raise stage.wrong("process", f"step {new.slug} has no process {stage.process}")
        is_missing = stage.process not in map(process_of, self.running)
        takes_over = is_missing and stage.process in asked(self.facade)
        running = {**self.running, instance_of(stage.process, new): new}
        return replace(self, running=running, routed=(new,) if takes_over else self.routed)

    def _stopped(self, stage, old, new):
        instance = instance_of(stage.process, old)
        if instance not in self.running:
            raise stage.wrong("process", f"there is no {stage.process} of step {old.slug}")
        has_successor = instance_of(stage.process, new) in self.running
        if instance in self.serving() and has_successor:
            raise stage.wrong("process", f"{stage.process} of step {old.slug} still gets requests")
        left = {name: tree for name, tree in self.running.items() if name != instance}
        return replace(self, running=left)

    def _routed(self, stage, old, new):
        trees = {"old": (old,), "new": (new,), road.BOTH: (old, new)}[stage.to]
        facade = new if new in trees else self.facade
        return replace(self, routed=trees, facade=facade)


class Leg(NamedTuple):
    """A stage of the road from old to new, with what runs before it and after it."""

    stage: road.Stage
    old: Tree
    new: Tree
    before: Deployment
    after: Deployment

    @property
    def code(self):
        """The tree whose commands the stage runs."""
        return self.old if self.stage.code == "old" else self.new


def legs(trees, *, completing=False):
    """The stages of all roads from the first tree to the last one. The points of no return come
    last, and only if completing is true."""
    found, last = [], []
    here = Deployment.of(trees[0])
    for old, new in pairwise(trees):
        for stage in road.read(new):
            if stage.kind == "complete":
                last.append((stage, old, new))
                continue
            after = here.after(stage, old, new)
            found.append(Leg(stage, old, new, here, after))
            here = after
        check_end(here, new)
    complete = [Leg(*each, here, here) for each in last]
    return found + complete * completing


def check_end(here, new):
    """Failed unless a road ends with the new step's processes, and with nothing else."""
    wanted = Deployment.of(new)
    for instance in sorted({*here.running} ^ {*wanted.running}):
        trouble = "still runs" if instance in here.running else "does not run"
        raise Failed(f"{new.slug}.toml: {instance} {trouble} at the end", 2)
    if (here.routed, here.facade) != (wanted.routed, wanted.facade):
        raise Failed(f"{new.slug}.toml: step {new.slug} does not get all requests at the end", 2)
