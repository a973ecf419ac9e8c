"""The table of the README that answers "when should I stop?": what hurts, the step that helps, what
it buys, what it costs, and the way back. Its figures are made from the kept results."""

from dataclasses import dataclass

from tools.lab.experiment.facts import CHANGES, IMPORTS, KEYS, PROCESSES
from tools.lab.experiment.verdicts import compared
from tools.lab.report.blocks import table
from tools.lab.report.human import number, shown

COLUMNS = (
    "if this hurts",
    "go to",
    "it buys",
    "it costs: CPU time of a request and memory, as multiples of step 00's",
    "the way back",
)


@dataclass(frozen=True)
class Going:
    """How many journeys go on during a drill, here and at the newest earlier step that went through
    it."""

    drill: str
    meanwhile: str

    def at(self, slug, kept):
        slugs = list(kept.files)
        known = {
            each: found
            for each in slugs[: slugs.index(slug) + 1]
            if (found := going_on(kept.drills(each), self.drill))
        }
        if slug not in known or len(known) < 2:
            return ""
        (works, every), (earlier, (worked, _)) = known.pop(slug), list(known.items())[-1]
        return (
            f"{works} of {every} journeys {'goes' if works == 1 else 'go'} on while "
            f"{self.meanwhile}; "
            f"at step {earlier[:2]}, {worked}"
        )


@dataclass(frozen=True)
class Coupling:
    """Imports and foreign keys across modules, here and at step 00."""

    def at(self, slug, kept):
        first = next(iter(kept.files))
        here, there = (
            [kept.facts(each).get(key) for key in (IMPORTS, KEYS)] for each in (slug, first)
        )
        if None in (*here, *there):
            return ""
        return (
            f"{here[0]} imports of internals and {here[1]} foreign keys across modules; "
            f"at step 00, {there[0]} and {there[1]}"
        )


@dataclass(frozen=True)
class Deployed:
    """How many processes a small change deploys, here and at the step before."""

    change: str
    does: str

    def at(self, slug, kept):
        before = kept.beside(slug)[1]
        here, there = (
            kept.facts(each).get(CHANGES, {}).get(self.change) for each in (slug, before)
        )
        if not here or not there:
            return ""
        every = kept.facts(slug)[PROCESSES]
        return (
            f"{self.does} deploys {here[2]} of {every} processes; at step {before[:2]}, {there[2]}"
        )


PAINS = (
    (
        "A crash or a release signs everybody out, and you cannot run two instances.",
        "03",
        Going("kill-web", "a web process is killed"),
    ),
    (
        "A change in one module breaks another one.",
        "05",
        Coupling(),
    ),
    (
        "A slow mail server stops sales, or other programs need to know what happened.",
        "06",
        Going("mail-down", "the mail server is down"),
    ),
    (
        "A secondary task, such as mail, is released too often, or takes the others down with it.",
        "07",
        Deployed("artist-in-subject", "a change of the mail's text"),
    ),
    (
        "A read, such as recommendations, must go on while the rest is away.",
        "09",
        Going("stop-web", "the monolith's web process is stopped"),
    ),
    (
        "Nobody can buy while another company's service is away.",
        "10",
        Going("provider-down", "the payment provider is down"),
    ),
    (
        "Money needs a team, a database and keys of its own.",
        "11",
        Going("database-down", "the monolith's database is down"),
    ),
    (
        "Signing in must not depend on the shop, and the shop's programmers must not see the keys.",
        "12",
        Going("stop-web", "the monolith's web process is stopped"),
    ),
    (
        "The sale itself needs its own releases and its own database.",
        "13",
        Going("stop-web", "the monolith's web process is stopped"),
    ),
)


def advice(kept):
    """The table, as Markdown."""
    slugs = {slug[:2]: slug for slug in kept.files}
    lines = [
        [pain, *row(slugs[number_], kept, buys)]
        for pain, number_, buys in PAINS
        if number_ in slugs
    ]
    return table(COLUMNS, lines, words=len(COLUMNS)) + "\n"


def row(slug, kept, buys):
    before = kept.beside(slug)[1]
    link = f"[{slug[:2]} {slug[3:]}](docs/steps/{slug}.md)"
    price_and_move = "; ".join([price(slug, kept), *move(slug, kept)])
    return [link, buys.at(slug, kept), price_and_move, way_back(slug, before)]


def going_on(drills, name):
    """(how many journeys work during a drill, of how many); None if it was not measured."""
    found = drills.get(name, {}).get("found")
    return (list(found.values()).count("works"), len(found)) if found else None


def price(slug, kept):
    """CPU time and memory as multiples of step 00's, and the processes."""
    first = next(iter(kept.files))
    ratios = {}
    if kept.compares(slug) and kept.compares(first):
        ratios = {each.figure: each.ratio for each in compared(kept.campaign, first, slug)}
    cost = [
        f"{number(ratios[figure])} times the {name}"
        for figure, name in (("cpu", "CPU time"), ("memory", "memory"))
        if ratios.get(figure)
    ]
    return ", ".join([*cost, f"{kept.facts(slug).get(PROCESSES)} processes"])


def move(slug, kept):
    """What visitors noticed of the move to a step."""
    return [f"during the move {noticed(whole)}" for _, whole in kept.moves(slug)]


def noticed(whole):
    """What visitors noticed of a move, from the counts of all its stages."""
    return (
        f"a request waited for {shown(whole['longest'], 's')} at most, and "
        f"{number(whole['failed'])} of {number(whole['requests'])} failed"
    )


def way_back(slug, before):
    return f"`./lab migrate {before[:2]} {slug[:2]} --back`"
