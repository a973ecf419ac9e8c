"""How a comparison is made, from the options of its command."""

from typing import NamedTuple

from tools.lab.experiment.figures import FIGURES
from tools.lab.experiment.run import Plan
from tools.lab.experiment.verdicts import pairs_needed

QUICK = {"blocks": 8, "warm": 1.0, "seconds": 6.0, "events": 60, "visitors": 30}
# for saying beforehand how long it takes, in seconds
PREPARING = 8.0
STARTING_AND_SETTLING = 7.0
FEW = 1000  # requests of a run: fewer carry no p95 of hold and book


class Settings(NamedTuple):
    """steps are words of the command line."""

    steps: tuple
    blocks: int = 10
    rate: float = Plan().rate
    seconds: float = Plan().seconds
    warm: float = Plan().warm
    events: int = Plan().events
    visitors: int = Plan().visitors
    seed: int = Plan().seed
    quick: bool = False
    find_rate: bool = False
    every: bool = False  # the steps are all that there are

    @classmethod
    def of(cls, steps=(), **given):
        """The settings for these options, with the defaults of a quick comparison if it is one."""
        return cls(**{**(QUICK if given.get("quick") else {}), **given, "steps": list(steps)})

    def plan(self):
        return Plan(
            events=self.events,
            rate=self.rate,
            warm=self.warm,
            seconds=self.seconds,
            visitors=self.visitors,
            seed=self.seed,
        )

    def seconds_of_run(self):
        return self.warm + self.seconds + STARTING_AND_SETTLING

    def seconds_of(self, runs, trees):
        """About how long so many runs take, with what has to be done before and after them."""
        return runs * self.seconds_of_run() + len(trees) * PREPARING

    def advice(self):
        """What these settings cannot show, in a line; empty if there is nothing to say."""
        without = 2 if self.rate * self.seconds < FEW else 0
        needed = pairs_needed(0), pairs_needed(len(FIGURES) - 1 - without)
        if self.blocks < needed[0]:
            return (
                f"{self.blocks} blocks are not enough runs: with fewer than {needed[0]} no "
                "figure gets a verdict."
            )
        if self.blocks < needed[1]:
            return (
                f"With {self.blocks} blocks only CPU time can differ for sure; the other figures "
                f"need {needed[1]}."
            )
        return ""

    def command(self):
        steps = ["--all"] if self.every else self.steps
        words = ["./lab compare", *steps, *["--quick"] * self.quick]
        usual = Settings.of(self.steps, quick=self.quick)
        words += [
            f"--{name} {getattr(self, name):g}"
            for name in ("blocks", "rate", "seconds", "seed")
            if getattr(self, name) != getattr(usual, name)
        ]
        return " ".join([*words, *["--find-rate"] * self.find_rate])
