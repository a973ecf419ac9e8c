"""The tables of the README, made from the kept results: when to stop, and a few steps side by
side."""

import re
from functools import partial

from tools.lab.experiment.facts import CHANGES, IMPORTS, KEYS, LARGEST, PROCESSES
from tools.lab.experiment.figures import HIGHEST_RATE
from tools.lab.ground.tree import HERE
from tools.lab.report import stops
from tools.lab.report.blocks import table
from tools.lab.report.human import middle, shown

PAGE = HERE.path / "README.md"
TABLE = re.compile(r"(?<=<!-- table -->\n).*(?=<!-- /table -->)", re.DOTALL)
ADVICE = re.compile(r"(?<=<!-- stop -->\n).*(?=<!-- /stop -->)", re.DOTALL)
STEPS = ("00", "03", "05", "06", "07", "10", "13")
BOOKING = "CPU of all for book, ms"  # of ./lab bench
# {drill: its row}
DRILLS = {
    "provider-down": "journeys that go on while the payment provider is down",
    "mail-down": "journeys that go on while the mail server is down",
    "kill-web": "journeys that go on while a web process is killed",
}


def page(kept):
    """The text of the README as it should be."""
    text = ADVICE.sub(lambda _: stops.advice(kept), PAGE.read_text())
    return TABLE.sub(lambda _: comparison(kept), text)


def comparison(kept):
    steps = [slug for slug in kept.files if slug[:2] in STEPS]
    rows = [[name, *(value_of(slug) for slug in steps)] for name, value_of in rows_of(kept)]
    links = [f"[{slug[:2]} {slug[3:]}](docs/steps/{slug}.md)" for slug in steps]
    return table(["", *links], [row for row in rows if any(row[1:])]) + "\n"


def rows_of(kept):
    """(name, function of a step that returns the cell) of each row."""
    yield "CPU time of a request, all processes", partial(measured, kept, "cpu", "ms")
    yield "CPU time of a booking, with its mail", partial(booking, kept)
    yield "time of a booking (p50)", partial(measured, kept, "book p50", "ms")
    yield HIGHEST_RATE, lambda slug: shown(kept.held(slug))
    yield "memory of all processes", partial(measured, kept, "memory", "MB")
    yield "processes to deploy", partial(fact, kept, PROCESSES)
    for drill, name in DRILLS.items():
        yield name, partial(works, kept, drill)
    yield "imports of internals, and foreign keys, across modules", partial(coupled, kept)
    largest = "lines of the largest program that is deployed by itself, without the kit"
    yield largest, partial(fact, kept, LARGEST)
    for change in changes(kept):
        name = f"[{change}](docs/changes/README.md): files / processes to deploy"
        yield name, partial(touched, kept, change)


def measured(kept, figure, unit, slug):
    return shown(kept.median(slug, figure), unit)


def booking(kept, slug):
    values = kept.figures(slug, "bench").get(BOOKING)
    return middle(values, "ms") if values else ""


def fact(kept, key, slug):
    return shown(kept.facts(slug).get(key))


def works(kept, drill, slug):
    """5 of 12: the journeys that work, of all."""
    counted = stops.going_on(kept.drills(slug), drill)
    return "{} of {}".format(*counted) if counted else ""


def coupled(kept, slug):
    facts = kept.facts(slug)
    both = [facts.get(key) for key in (IMPORTS, KEYS)]
    return "" if None in both else " + ".join(map(str, both))


def changes(kept):
    return dict.fromkeys(name for slug in kept.files for name in kept.facts(slug).get(CHANGES, {}))


def touched(kept, change, slug):
    made = kept.facts(slug).get(CHANGES, {}).get(change)
    return f"{made[0]} / {made[2]}" if made else ""
