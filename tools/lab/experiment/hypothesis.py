"""What a drill is, and what it expects of a step."""

from collections.abc import Callable
from typing import NamedTuple

from tools.lab.system.system import System

SIGNED_IN = ("hold", "book", "cancel", "my bookings", "my payments", "recommendations")
MAILS = ("welcome mail", "confirmation mail")
READS = ("browse", "seats", "my bookings", "my payments", "recommendations")
WRITES = ("register", "sign in", "hold", "book", "cancel")
JOURNEYS = ("browse", "seats", "register", "sign in", *SIGNED_IN, *MAILS)
IN_REQUEST = "00-05"  # mail is sent, and the provider asked, in the request that needs them
BY_MESSAGE = "06-"
CHARGED_IN_REQUEST = "06-09"  # mail comes by message, and the provider is still asked in line
PENDING = "10-"  # a worker asks the provider, and nobody waits for it
RECOMMENDED = "09-"  # recommendations answers for itself
PAID = "11-"  # payments answers for itself, and its worker asks the provider
IDENTIFIED = "12-"  # accounts answers for itself, and has a relay
IDENTITY = ("register", "sign in", "welcome mail")
SOLD = "13-"  # bookings answers for itself, and has a relay and a worker
SALE = ("seats", "hold", "book", "cancel", "my bookings", "confirmation mail")
STAYS = (  # while the monolith is away
    (RECOMMENDED, "works", ("recommendations",)),
    (PAID, "works", ("my payments",)),
    (IDENTIFIED, "works", IDENTITY),
    (SOLD, "works", SALE),
)
IN_MEMORY = "00-02"  # sessions and holds are kept in the process
SHORT, LONG = 6.0, 10.0  # seconds: the facade lets a request wait for 8


class Drill(NamedTuple):
    """One fault, and the hypothesis about it. fault(system) is a context manager that breaks the
    system and repairs it. expected are (steps, how, journeys) of the journeys that do not simply
    work; breaks are (steps, promise) of the promises that are known to be broken by it."""

    name: str
    title: str
    hypothesis: str
    fault: Callable
    look: str  # how one sees it from another terminal
    expected: tuple = ()
    breaks: tuple = ()
    lasts: float = SHORT  # seconds
    visit_after: float = 0.0  # seconds from the beginning of the fault
    component: str = ""  # that is stopped until the fault ends: a row of the matrix
    stays: bool = True  # until it is ended; otherwise the system begins to repair itself at once
    kind: type = System  # of system that it needs


def includes(steps, slug):
    """Whether NN-MM, or NN- for all from there on, includes a step."""
    first, _, last = steps.partition("-")
    return first <= slug[:2] <= (last or "99")


def expected(drill, slug):
    """{journey: works, later or fails} at a step. later: it succeeds once the fault has ended."""
    found = dict.fromkeys(JOURNEYS, "works")
    for steps, how, journeys in drill.expected:
        if includes(steps, slug):
            found |= dict.fromkeys(journeys, how)
    return found


def may_break(drill, slug):
    """The promises that a drill is known to break at a step."""
    return [promise for steps, promise in drill.breaks if includes(steps, slug)]
