"""Which journeys go on during each drill, of several steps one below the other."""

from typing import NamedTuple

SIGNS = {"works": "✓", "later": "↻", "fails": "✗"}


class Cell(NamedTuple):
    """How a journey ended, and what was expected if it was something else."""

    ended: str  # works, later or fails
    sign: str
    instead_of: str


class Row(NamedTuple):
    """A drill: its title, and its cells of each step that went through it."""

    name: str
    title: str
    cells: dict  # {step: [Cell or None of each journey]}


def journeys(result):
    """Every journey of any drill, in their order."""
    return list(
        dict.fromkeys(
            journey
            for drills in result.drills.values()
            for outcome in drills.values()
            for journey in outcome["found"]
        )
    )


def names(result):
    """Every drill of any step, in their order."""
    return list(dict.fromkeys(name for drills in result.drills.values() for name in drills))


def matrix(result):
    """A Row for each drill."""
    columns = journeys(result)
    return [
        Row(
            name,
            title_of(result, name),
            {step: cells(outcome, columns) for step, outcome in outcomes(result, name).items()},
        )
        for name in names(result)
    ]


def outcomes(result, name):
    """{step: outcome} of a drill."""
    return {step: drills[name] for step, drills in result.drills.items() if name in drills}


def title_of(result, name):
    return next(outcome["title"] for outcome in outcomes(result, name).values())


def cells(outcome, columns):
    return [cell(outcome, journey) for journey in columns]


def cell(outcome, journey):
    ended = outcome["found"].get(journey)
    if ended is None:
        return None
    hoped = outcome["expected"].get(journey, ended)
    return Cell(ended, SIGNS[ended], "" if hoped == ended else hoped)
