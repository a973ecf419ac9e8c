"""How a comparison is made, from the options of its command."""

from typing import NamedTuple

from tools.lab.experiment.figures import FIGURES
from tools.lab.experiment.run import Plan
from tools.lab.experiment.starts import ONCE, missing_memory
from tools.lab.experiment.verdicts import pairs_needed
from tools.lab.ground.failed import Failed

QUICK = {"warm": 1.0, "seconds": 6.0, "events": 60, "visitors": 30, "kept_up": True}
# for saying beforehand how long it takes, in seconds
STARTING = 15.0
SETTLING = 12.0
BETWEEN = 2.0  # two runs on systems that stay up


class Settings(NamedTuple):
    """steps are words of the command line. Where kept_up is set, all steps stay up; otherwise every
    run begins with a fresh start."""

    steps: tuple
    blocks: int = 10
    rate: float = Plan().rate
    seconds: float = Plan().seconds
    warm: float = Plan().warm
    events: int = Plan().events
    visitors: int = Plan().visitors
    seed: int = Plan().seed
    quick: bool = False
    kept_up: bool = False
    find_rate: bool = False
    every: bool = False  # the steps are all that there are

    @classmethod
    def of(cls, steps=(), **given):
        """The settings for these options, with the defaults of a quick comparison if it is one."""
        settings = cls(**{**(QUICK if given.get("quick") else {}), **given, "steps": list(steps)})
        if settings.quick and settings.find_rate:
            raise Failed("--find-rate needs fresh starts, so it does not go with --quick", 2)
        return settings

    def fitted(self, trees, say):
        """The same with fresh starts where the memory is too small to keep all trees up."""
        if self.kept_up and (missing := missing_memory(trees)):
            say(f"{missing} MB of memory are missing to keep all steps up: each run starts afresh.")
            return self._replace(kept_up=False)
        return self

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
        return self.warm + self.seconds + (BETWEEN if self.kept_up else STARTING + SETTLING)

    def seconds_of(self, runs, trees):
        """About how long so many runs take, with what has to be done before and after them."""
        once = STARTING + (SETTLING if self.kept_up else 0)
        return runs * self.seconds_of_run() + len(trees) * once

    def advice(self):
        """What these settings cannot show, in a line; empty if there is nothing to say."""
        secondary = len(FIGURES) - 1 - (len(ONCE) if self.kept_up else 0)
        needed = pairs_needed(0), pairs_needed(secondary)
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
