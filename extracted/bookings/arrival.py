"""Waiting for an event that somebody has just made: its message may be on the way to the copy."""

import threading
import time

WITHIN = 2.0  # seconds
PAUSE = 0.05


class Arrivals:
    """Lets requests wait for what is on its way, each for `within` seconds at most, and only
    `at_once` of them at a time: addresses that nobody has made must not keep all threads busy."""

    def __init__(self, *, at_once, within=WITHIN):
        self.within = within
        self._waiting = threading.BoundedSemaphore(max(at_once, 1))

    def wait_for(self, find):
        """What find() returns as soon as it is not empty. It stays empty if nothing comes in time,
        or if too many requests wait."""
        found = find()
        if found or not self._waiting.acquire(blocking=False):
            return found
        try:
            deadline = time.monotonic() + self.within
            while not found and time.monotonic() < deadline:
                time.sleep(PAUSE)
                found = find()
            return found
        finally:
            self._waiting.release()
