"""Looking at a running system while somebody watches it, and at no other time."""

import threading
import time

PAUSE = 1.0  # seconds until what has failed is tried again
SILENT_AFTER = 3.0  # seconds


class Source(threading.Thread):
    """Looks again and again in a thread of its own, so that what does not answer delays nothing
    else. opened() is a context manager that gives the function to look with; found is what that
    answered last."""

    def __init__(self, opened, watched, *, every):
        super().__init__(daemon=True)
        self.opened = opened
        self.watched = watched
        self.every = every
        self.found = None
        self.at = 0.0  # time.monotonic() of the last answer, or of the beginning

    @property
    def is_silent(self):
        """Whether there has been no answer for a while."""
        return time.monotonic() - self.at > SILENT_AFTER + self.every

    def run(self):
        while True:
            if not self.watched.is_set():
                self.watched.wait()
                self.at = time.monotonic()
            try:
                self._look()
            except Exception:
                time.sleep(PAUSE)  # that it is silent is shown

    def _look(self):
        with self.opened() as look:
            while self.watched.is_set():
                self.found = look()
                self.at = time.monotonic()
                time.sleep(self.every)
