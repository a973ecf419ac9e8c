"""What is kept of the steps, as the documents need it."""

from dataclasses import dataclass, field
from statistics import median

from tools.lab.experiment.facts import IMPORTS, JOINS, KEYS
from tools.lab.experiment.figures import HIGHEST_RATE
from tools.lab.experiment.result import Result
from tools.lab.report import store

# {what `./lab coupling` calls it: fact}
COUPLED = {
    "imports of another module's internals": IMPORTS,
    "foreign keys between modules": KEYS,
    "statements that use tables of several modules": JOINS,
}


@dataclass
class Kept:
    """Every kept result, and what the steps are today."""

    files: dict  # {slug: digest of the step's files today}, in the order of the steps
    results: dict = field(default_factory=dict)  # {slug: [Result, ...]}
    campaign: Result | None = None
    today: dict = field(default_factory=dict)  # {slug: facts that need no measurement}

    @classmethod
    def read(cls, files, today):
        return cls(files, {slug: store.read(slug) for slug in files}, store.campaign(), today)

    def of(self, slug, kind):
        return [each for each in self.results.get(slug, []) if each.kind == kind]

    def figures(self, slug, kind):
        """{name with its unit: values} of the kept result of a kind, or nothing."""
        return next((each.figures[slug] for each in self.of(slug, kind)), {})

    def beside(self, slug):
        """A step, the one before it and the first one: its numbers are read beside theirs."""
        slugs = list(self.files)
        before = slugs[max(slugs.index(slug) - 1, 0)]
        return list(dict.fromkeys([slug, before, slugs[0]]))

    def compares(self, slug):
        return self.campaign is not None and slug in self.campaign.steps

    def median(self, slug, figure):
        """The median over the runs of the campaign of a figure of FIGURES, or None."""
        values = self.campaign.values(slug, figure).values() if self.compares(slug) else []
        return median(values) if values else None

    def held(self, slug):
        """The highest rate that a step held in the campaign, or None."""
        figures = self.campaign.figures.get(slug, {}) if self.compares(slug) else {}
        return median(figures[HIGHEST_RATE]) if HIGHEST_RATE in figures else None

    def drills(self, slug):
        """{name of a drill: its outcome}"""
        found = dict(self.campaign.drills.get(slug, {})) if self.campaign else {}
        for result in self.of(slug, "break"):
            found |= result.drills[slug]
        return found

    def moves(self, slug):
        """[(command, counts of all its stages)] of the moves to a step."""
        return [(each.command, each.facts[slug]["whole"]) for each in self.of(slug, "migrate")]

    def facts(self, slug):
        found = dict(self.campaign.facts.get(slug, {})) if self.campaign else {}
        coupled = self.figures(slug, "coupling")
        found |= {key: coupled[name][0] for name, key in COUPLED.items() if name in coupled}
        return found | self.today.get(slug, {})

    def sources(self, slug):
        """The results that say something of a step."""
        return [self.campaign] * self.compares(slug) + self.results.get(slug, [])

    def older(self, slug):
        """The results whose figures belong to older files of a step than today's."""
        return [each for each in self.sources(slug) if each.files[slug] != self.files[slug]]
