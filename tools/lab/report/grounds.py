"""The table of docs/concepts.md that ties each ground to a step and a figure, made from the kept
results."""

import re
from dataclasses import dataclass

from tools.lab.experiment.facts import PROCESSES
from tools.lab.ground.tree import HERE
from tools.lab.report import stops
from tools.lab.report.blocks import table
from tools.lab.report.human import middle

PAGE = HERE.path / "docs" / "concepts.md"
TABLE = re.compile(r"(?<=<!-- grounds -->\n).*(?=<!-- /grounds -->)", re.DOTALL)


@dataclass(frozen=True)
class Failing:
    """How many requests fail during a drill."""

    drill: str
    meanwhile: str

    def at(self, slug, kept):
        drilled = kept.drills(slug).get(self.drill)
        if not drilled:
            return ""
        return f"{drilled['failed']} of {drilled['requests']} requests fail while {self.meanwhile}"


@dataclass(frozen=True)
class Benched:
    """A figure of `./lab bench`."""

    figure: str
    unit: str
    says: str

    def at(self, slug, kept):
        values = kept.figures(slug, "bench").get(self.figure)
        return self.says.format(middle(values, self.unit)) if values else ""


@dataclass(frozen=True)
class Moving:
    """What visitors noticed of the move to a step."""

    def at(self, slug, kept):
        moves = stops.move(slug, kept)
        return moves[0] if moves else ""


@dataclass(frozen=True)
class Price:
    """CPU time and memory against step 00, and the processes."""

    def at(self, slug, kept):
        first = next(iter(kept.files))
        alone = kept.facts(first).get(PROCESSES)
        return (
            f"compared with step {first[:2]}, which has {alone} process: {stops.price(slug, kept)}"
        )


GROUNDS = (
    ("stateless process", "03", stops.Going("kill-web", "a web process is killed")),
    ("scaling out", "03", Failing("restart-web", "two instances are restarted in turn")),
    ("ownership of data", "05", stops.Coupling()),
    ("coupling by call", "05", Failing("mail-down", "the mail server is down")),
    ("coupling by message", "06", Failing("mail-down", "the mail server is down")),
    (
        "eventual consistency",
        "06",
        Benched(
            "registered to welcome mail, p50, ms",
            "ms",
            "the welcome mail comes {} after the answer",
        ),
    ),
    (
        "saga",
        "10",
        Benched("booked to confirmed, p50 ms", "ms", "a booking is confirmed {} after its answer"),
    ),
    ("cut-over", "13", Moving()),
    ("no free lunch", "13", Price()),
)


def page(kept):
    """The text of the page as it should be."""
    return TABLE.sub(lambda _: measured(kept), PAGE.read_text())


def measured(kept):
    slugs = {slug[:2]: slug for slug in kept.files}
    lines = [
        [name, f"[{slugs[step][:2]} {slugs[step][3:]}](steps/{slugs[step]}.md)", figure]
        for name, step, what in GROUNDS
        if step in slugs
        for figure in [what.at(slugs[step], kept)]
        if figure
    ]
    return table(("idea", "see it at", "measured there"), lines, words=3) + "\n"
