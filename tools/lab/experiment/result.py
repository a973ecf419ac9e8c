"""What an experiment has measured: it is kept as JSON, and every table, page and chart is made from
it."""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median

from tools.lab.experiment.verdicts import Verdict


@dataclass
class Run:
    """One run of a workload on one step. Times are seconds since the load began, latencies are
    milliseconds from the time when a request was due."""

    step: str  # slug
    block: int = 0  # the runs of one block are compared with each other
    began: str = ""  # UTC, ISO 8601
    figures: dict = field(default_factory=dict)  # {key of FIGURES: value}
    by_process: dict = field(default_factory=dict)  # {"cpu" or "memory": {process: value}}
    latencies: dict = field(default_factory=dict)  # {operation: latencies of its successes}
    seconds: list = field(default_factory=list)  # of each: {"good", "failed", "p50"}
    faults: list = field(default_factory=list)  # [[began, ended, name], ...]
    outcomes: dict = field(default_factory=dict)  # {"operation outcome": how many}
    void: str = ""  # the reason, if the run measured the generator and not the step
    broken: dict = field(default_factory=dict)  # {promise: [violation, ...]}
    history: dict = field(default_factory=dict)  # {id of what was harmed: its rows and messages}
    healed: dict = field(default_factory=dict)  # {violation: seconds until it was gone}
    generator: dict = field(default_factory=dict)  # {"cpu_ms" of a request, "lag_p99_ms"}

    @property
    def counts(self):
        """Whether its figures say something of the step: a void run measured the generator, and a
        system that breaks a promise is not compared by its speed."""
        return not self.void and not self.broken


@dataclass
class Result:
    """What was done, on which steps, and what came of it."""

    kind: str  # load, rate, bench, coupling, break or compare
    command: str  # that makes it again
    machine: str
    settings: dict = field(default_factory=dict)  # data, workload, seed
    files: dict = field(default_factory=dict)  # {step: digest of its own files}
    budgets: dict = field(default_factory=dict)  # {step: {what it may use: how much}}
    runs: list = field(default_factory=list)  # of Run
    figures: dict = field(default_factory=dict)  # {step: {name with its unit: [value, ...]}}
    facts: dict = field(default_factory=dict)  # {step: {name: what is not measured in runs}}
    drills: dict = field(default_factory=dict)  # {step: {name of a drill: its outcome}}
    verdicts: list = field(default_factory=list)  # of Verdict: each step against the first

    @property
    def steps(self):
        """The slugs of the steps, in the order in which they were given."""
        return list(self.files)

    def runs_of(self, step):
        return [run for run in self.runs if run.step == step]

    def values(self, step, figure):
        """{block: value} of a figure of FIGURES, where a run of the step that counts has it."""
        return {
            run.block: run.figures[figure]
            for run in self.runs_of(step)
            if run.counts and figure in run.figures
        }

    def by_process(self, step, kind, middle=median):
        """{process: the median, or another middle, of its CPU time or memory} over the runs of a
        step that count and have no fault."""
        spent = [
            run.by_process[kind]
            for run in self.runs_of(step)
            if run.counts and not run.faults and run.by_process.get(kind)
        ]
        names = dict.fromkeys(name for each in spent for name in each)
        return {name: middle([each.get(name, 0) for each in spent]) for name in names}

    def to_json(self):
        return json.dumps(asdict(self), indent=1) + "\n"

    def write(self, path):
        Path(path).write_text(self.to_json())

    @classmethod
    def read(cls, path):
        return cls.from_dict(json.loads(Path(path).read_text()))

    @classmethod
    def from_dict(cls, kept):
        runs = [Run(**run) for run in kept.get("runs", [])]
        verdicts = [Verdict(**verdict) for verdict in kept.get("verdicts", [])]
        return cls(**{**kept, "runs": runs, "verdicts": verdicts})
