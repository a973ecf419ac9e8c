"""Load that goes on until somebody ends it: nobody knows beforehand how long a move takes."""

import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

from tools.lab.ground.failed import Failed
from tools.lab.ground.http import loads
from tools.lab.measure.load import Load

SECONDS = 240.0  # of one generator; then the next one begins
ACCOUNTS = 16
ANSWERS = "answers.jsonl"


class Traffic:
    """Visitors of a system, at a rate of requests a second, with a new generator after so many
    seconds. folders have the ledgers, also those of an earlier attempt, the newest last."""

    def __init__(self, system, *, rate, seed, folders=(), seconds=SECONDS):
        self.system = system
        self.rate = rate
        self.seed = seed
        self.seconds = seconds
        self.folders = list(folders)
        self.load = None
        self.process = None  # of the generator
        self.sending = None
        self.ending = threading.Event()

    def begin(self):
        """Let new visitors sign in and come; returns when their first request is due."""
        self.ending.clear()
        self.load = Load(
            self.system.to_run(),
            accounts=ACCOUNTS,
            seed=f"{self.seed} {len(self.folders)}",
            log=lambda line: None,
        )
        self.folders.append(self.load.folder)
        begun = threading.Event()
        self.sending = ThreadPoolExecutor(1).submit(self._send, begun)
        while not begun.wait(0.05):
            if self.sending.done():
                self.end()
                raise Failed("the load ended before it began")

    def _send(self, begun):
        number = 0
        while not self.ending.is_set():
            self.load.send(
                self.rate,
                self.seconds,
                warm=0.0,
                seed=f"{self.load.seed} {number}",
                begin=lambda at: self._note_begin(begun),
                answers=self.load.folder / ANSWERS,
                started=self._keep,
            )
            number += 1

    def _keep(self, process):
        self.process = process

    def _note_begin(self, begun):
        begun.set()
        if self.ending.is_set():
            self.process.send_signal(signal.SIGTERM)

    def end(self):
        """Let no more requests be sent; returns when those that were sent are answered."""
        if self.sending is None:
            return
        self.ending.set()
        if self.process:
            self.process.send_signal(signal.SIGTERM)
        sending, self.sending = self.sending, None
        sending.result()

    def stop(self):
        """End it where the move itself has failed."""
        with suppress(Exception):
            self.end()

    def signed_out(self):
        """How many visitors are not signed in any more."""
        asked = [
            self.load.connections.ask("GET", "/api/accounts/me", cookie=cookie)
            for _, cookie in (self.load.accounts if self.load else ())
        ]
        return sum(answer.status == 401 for answer in asked)

    def answers(self, since=0.0):
        """[(operation, due, ended, outcome)] of the requests that were due after a moment; all
        moments are seconds since 1970."""
        paths = [folder / ANSWERS for folder in self.folders]
        lines = [line for path in paths if path.exists() for line in path.read_text().splitlines()]
        # the last line may be half written
        return [tuple(each) for line in lines if (each := loads(line)) and each[1] >= since]

    def entries(self):
        """The ledgers, as one: measure/ledger.py says what is in them."""
        lines = [
            line
            for folder in self.folders
            for line in (folder / "ledger.jsonl").read_text().splitlines()
        ]
        return [each for line in lines if isinstance(each := loads(line), dict) and each]
