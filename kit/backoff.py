"""Backoff: each try that fails makes the pause before the next one longer."""

import time


class Backoff:
    """A pause of `shortest` seconds, which doubles with each failure in a row, up to `longest`."""

    def __init__(self, shortest, longest):
        self.shortest = shortest
        self.longest = longest
        self.reset()

    def reset(self):
        """Begin with the shortest pause again; the next try is due at once."""
        self.seconds = self.shortest
        self.due_at = 0.0

    def fail(self):
        """Begin a pause."""
        self.due_at = time.monotonic() + self.seconds
        self.seconds = min(2 * self.seconds, self.longest)

    def is_due(self):
        return time.monotonic() >= self.due_at
