"""The visitors that are let into the shop from the page."""

import secrets
import shutil
import threading

from tools.lab.ground.failed import Failed

MOST = 60  # requests a second
SECONDS = 30.0  # of one generator: it looks which seats are free before it begins
LOOK_EVERY = 0.5  # seconds


class Visitors:
    """Lets visitors into a system, as many requests a second as were asked for last; problem says
    why none come any more."""

    def __init__(self, system):
        self.system = system
        self.wanted = 0
        self.rate = 0
        self.problem = ""
        self.traffic = None
        self.changed = threading.Event()
        self.thread = None

    def let_in(self, rate):
        """Let visitors come at this rate from now on; none at 0."""
        if type(rate) is not int or not 0 <= rate <= MOST:
            raise Failed(f"the rate is a whole number from 0 to {MOST}")
        self.wanted = rate
        self.problem = ""
        if self.thread is None:
            self.thread = threading.Thread(target=self._keep, daemon=True)
            self.thread.start()
        self.changed.set()

    def as_shown(self):
        return {
            "rate": self.rate,
            "wanted": self.wanted,
            "problem": self.problem,
        }

    def _keep(self):
        while True:
            self.changed.wait(LOOK_EVERY)
            self.changed.clear()
            try:
                self._look()
            except Exception as trouble:  # whatever it was, the page goes on
                self._end()
                self.wanted = 0
                self.problem = f"no visitors come any more: {trouble}"

    def _look(self):
        if self.traffic and self.traffic.sending.done():
            self.traffic.end()  # says why
        if self.wanted != self.rate:
            self._end()
            if rate := self.wanted:
                self._begin(rate)

    def _begin(self, rate):
        from tools.lab.experiment.traffic import Traffic  # takes a while to import

        traffic = Traffic(self.system, rate=rate, seed=secrets.token_hex(4), seconds=SECONDS)
        traffic.begin()
        self.traffic = traffic
        self.rate = rate

    def _end(self):
        if self.traffic:
            self.traffic.stop()
            for folder in self.traffic.folders:  # nobody audits these visitors
                shutil.rmtree(folder, ignore_errors=True)
        self.traffic = None
        self.rate = 0
