"""What visitors do, and when. A seed number decides all of it in advance, so that two systems get
the same requests."""

import secrets
from heapq import heappop, heappush
from random import Random
from typing import NamedTuple
from urllib.parse import quote

PASSWORD = "a password for the load"  # noqa: S105 - of accounts that exist only for the load
WEIGHTS = {  # the first operation of a visitor
    "browse": 24,
    "search": 10,
    "one event": 14,
    "seats": 14,
    "my bookings": 6,
    "recommendations": 6,
    "register": 1,
    "sign in": 1,
    "hold": 10,
}
# the next operation of a buyer, and the share of buyers who do it
NEXT = {
    "hold": ("book", 1.0),
    "book": ("poll", 0.9),
    "poll": ("cancel", 0.25),
}
THINK = (0.8, 1.6)  # seconds between two operations of a buyer, at least
CARDS = {"pm_card_visa": 95, "pm_card_visa_chargeDeclined": 5}
SEATS = {1: 3, 2: 5, 3: 1, 4: 1}  # how many seats a buyer holds
CONTESTED = 0.02  # share of buyers who try the same seats as the previous buyer
# (method, path, body) of an operation; None if the visit has no hold or booking for it
REQUESTS = {
    "browse": lambda visit: ("GET", "/api/events", None),
    "search": lambda visit: ("GET", f"/api/events?q={quote(visit.word)}", None),
    "one event": lambda visit: ("GET", f"/api/events/{visit.event}", None),
    "seats": lambda visit: ("GET", f"/api/events/{visit.event}/seats", None),
    "my bookings": lambda visit: ("GET", "/api/bookings", None),
    "recommendations": lambda visit: ("GET", "/api/recommendations", None),
    "register": lambda visit: (
        "POST",
        "/api/accounts",
        {
            "email": f"{secrets.token_hex(6)}@load.example",
            "password": PASSWORD,
            "name": "A newcomer",
        },
    ),
    "sign in": lambda visit: (
        "POST",
        "/api/sessions",
        {"email": visit.email, "password": PASSWORD},
    ),
    "hold": lambda visit: ("POST", f"/api/events/{visit.event}/holds", {"seats": visit.seats}),
    "book": lambda visit: (
        visit.hold
        and ("POST", "/api/bookings", {"hold_id": visit.hold, "payment_method": visit.card})
    ),
    "poll": lambda visit: visit.booking and ("GET", f"/api/bookings/{visit.booking}", None),
    "cancel": lambda visit: (
        visit.booking and ("POST", f"/api/bookings/{visit.booking}/cancellation", None)
    ),
}
IN_LEDGER = ("register", "hold", "book", "poll", "cancel")


class Turn(NamedTuple):
    """An operation that is due so many seconds after the start; all turns of a visit belong to one
    visitor."""

    due: float
    operation: str
    visit: int


def script(*, seed, rate, seconds):
    """The turns of so many whole seconds, in order: rate turns in each second, at random times."""
    random = Random(seed)
    waiting = []
    turns = []
    times = sorted(number // rate + random.random() for number in range(round(rate * seconds)))
    for visit, due in enumerate(times):
        may_go_on = waiting and waiting[0][0] <= due
        turn = (
            Turn(due, *heappop(waiting)[1:])
            if may_go_on
            else Turn(due, pick(random, WEIGHTS), visit)
        )
        turns.append(turn)
        follows, share = NEXT.get(turn.operation, ("", 0.0))
        if random.random() < share:
            heappush(waiting, (due + random.uniform(*THINK), follows, turn.visit))
    return turns


def pick(random, weights):
    return random.choices(list(weights), list(weights.values()))[0]


class Visit:
    """One visitor: an account, an event, perhaps seats; and the hold and the booking that the
    system has answered with."""

    def __init__(self, random, email, cookie, event, word):
        self.email = email
        self.cookie = cookie
        self.event = event
        self.word = word
        self.card = pick(random, CARDS)
        self.seats = []
        self.hold = None
        self.booking = None
        self.is_waiting = False


def visits(turns, *, seed, accounts, seats, words):
    """{number: Visit} for the turns. accounts are (email, cookie); seats are {event id: seat ids}
    that are free, and each seat goes to one buyer."""
    made = {}
    last = None
    free = {event: list(ids) for event, ids in seats.items()}
    for turn in turns:
        if turn.visit in made:
            continue
        random = Random(f"{seed} {turn.visit}")
        visit = made[turn.visit] = Visit(
            random,
            *random.choice(accounts),
            random.choice([event for event in free if len(free[event]) >= max(SEATS)]),
            random.choice(words),
        )
        if turn.operation == "hold":
            if last and random.random() < CONTESTED:
                visit.event = last.event
                visit.seats = last.seats
            else:
                visit.seats = [free[visit.event].pop() for _ in range(pick(random, SEATS))]
            last = visit
    return made
