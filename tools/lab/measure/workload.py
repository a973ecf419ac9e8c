"""What visitors do, and when: all of it decided by a seed number in advance, so that two systems
are asked the same."""

from heapq import heappop, heappush
from random import Random
from typing import NamedTuple

WEIGHTS = {  # what a visitor begins with
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
# what a buyer may do next, and how often they do
NEXT = {
    "hold": ("book", 1.0),
    "book": ("poll", 0.9),
    "poll": ("cancel", 0.25),
}
THINK = (0.8, 1.6)  # seconds that a buyer lets pass at least
CARDS = {"pm_card_visa": 95, "pm_card_visa_chargeDeclined": 5}
SEATS = {1: 3, 2: 5, 3: 1, 4: 1}  # how many a buyer wants
CONTESTED = 0.02  # share of buyers who want the very seats of the one before


class Turn(NamedTuple):
    """An operation that is due so many seconds after the start; the turns of one visit belong to
    the same visitor."""

    due: float
    operation: str
    visit: int


def script(*, seed, rate, seconds):
    """The turns of so many whole seconds, in order: rate in each second, at moments as random as
    those of a Poisson process."""
    random, waiting, turns = Random(seed), [], []
    for visit, due in enumerate(
        sorted(number // rate + random.random() for number in range(round(rate * seconds)))
    ):
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
    """What one visitor goes by: an account, an event, perhaps seats; and what the system has
    answered so far."""

    def __init__(self, random, email, cookie, event, word):
        self.email = email
        self.cookie = cookie
        self.event = event
        self.word = word
        self.card = pick(random, CARDS)
        self.seats = []
        self.hold = self.booking = None
        self.is_waiting = False


def visits(turns, *, seed, accounts, seats, words):
    """{number: Visit} for the turns; accounts are (email, cookie), seats {event id: free ones},
    which are given to one buyer each."""
    made, last, free = {}, None, {event: list(ids) for event, ids in seats.items()}
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
