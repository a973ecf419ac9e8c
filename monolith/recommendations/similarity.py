import threading
from collections import Counter, defaultdict
from math import sqrt

from sqlalchemy import select

from monolith.bookings.model import Booking


class Similarity:
    """Events that are booked by the same people, counted at start and then kept by this process."""

    def __init__(self):
        self._lock = threading.Lock()
        self._clear()

    def _clear(self):
        self._tastes = {}  # account: Counter of its bookings per event
        self._buyers = Counter()  # event: accounts that booked it
        # event: accounts that booked it and another one, per other event
        self._both = defaultdict(Counter)

    def load(self, session):
        confirmed = select(Booking.account_id, Booking.event_id).where(
            Booking.status == "confirmed"
        )
        bookings = session.execute(confirmed).all()
        with self._lock:
            self._clear()
            for account_id, event_id in bookings:
                self._add(account_id, event_id)

    def welcome(self, account_id):
        """Begin an empty taste for a new account."""
        self._tastes.setdefault(account_id, Counter())

    def add(self, account_id, event_id):
        """Count a booking of an event by an account."""
        with self._lock:
            self._add(account_id, event_id)

    def _add(self, account_id, event_id):
        taste = self._tastes.setdefault(account_id, Counter())
        if not taste[event_id]:
            self._count(event_id, taste, 1)
        taste[event_id] += 1

    def remove(self, account_id, event_id):
        """Stop counting a booking that an account has cancelled."""
        with self._lock:
            taste = self._tastes[account_id]
            taste[event_id] -= 1
            if not taste[event_id]:
                del taste[event_id]
                self._count(event_id, taste, -1)

    def _count(self, event_id, taste, by):
        self._buyers[event_id] += by
        for other in taste:
            if other != event_id:
                self._both[event_id][other] += by
                self._both[other][event_id] += by

    def suggest(self, account_id):
        """[(event id, score, because)], best first, of events that the account has not booked.

        The score is the sum of the cosine similarities to the booked events (item-to-item
        collaborative filtering, Linden, Smith and York 2003). Where nothing is similar, the best
        sellers with their share of the best one's buyers."""
        with self._lock:
            booked = set(self._tastes.get(account_id, ()))
            scores, because = Counter(), defaultdict(list)
            for mine in sorted(booked):
                for other, count in self._both[mine].items():
                    if count and other not in booked:
                        scores[other] += count / sqrt(self._buyers[mine] * self._buyers[other])
                        because[other].append(mine)
            if not scores:
                most = max(self._buyers.values(), default=0)
                scores = Counter(
                    {
                        event_id: count / most
                        for event_id, count in self._buyers.items()
                        if count and event_id not in booked
                    }
                )
            best = sorted(scores.items(), key=lambda item: (-round(item[1], 6), item[0]))
            return [(event_id, round(score, 6), because[event_id]) for event_id, score in best]
