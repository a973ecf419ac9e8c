"""The state in this process's memory: a restart loses it, a second process has another."""

import threading

from monolith.accounts.sessions import Sessions
from monolith.bookings.holds import Holds
from monolith.catalog.seats_left import SeatsLeft
from monolith.recommendations.similarity import Similarity

SWEEP_EVERY = 1.0  # seconds


class Memory:
    """Sessions, holds, the number of seats left, and what is booked together."""

    def __init__(self):
        self.sessions = Sessions()
        self.holds = Holds()
        self.seats_left = SeatsLeft()
        self.similarity = Similarity()
        self._loading = threading.Lock()
        self._wanted = 1  # how often the caches are to be filled
        self._loaded = 0

    def load(self, database):
        """Fill the caches from the database, as soon as it answers."""
        if self._loaded == self._wanted:
            return
        with self._loading, database.reading() as session:
            wanted = self._wanted
            if self._loaded != wanted:
                self.seats_left.load(session)
                self.similarity.load(session)
                self._loaded = wanted

    def load_again(self):
        """Let the next load() count anew: a commit whose answer was lost may have taken effect."""
        self._wanted += 1

    def sweep(self, now):
        """Forget what has expired."""
        self.holds.sweep(now)
        self.sessions.sweep(now)

    def start_sweeper(self, clock, every=SWEEP_EVERY):
        """Sweep in a thread of its own until the returned event is set."""
        stop = threading.Event()

        def run():
            while not stop.wait(every):
                self.sweep(clock())

        threading.Thread(target=run, name="sweeper", daemon=True).start()
        return stop
