"""Open-loop load on a running system: each request has its time in advance, latency counts from
then, and every answer is kept in a ledger."""

import json
import os
import secrets
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from datetime import UTC, datetime

from tools.lab.ground.failed import Failed
from tools.lab.ground.http import Connections
from tools.lab.ground.tree import HERE
from tools.lab.measure.audit import audit
from tools.lab.measure.generator import entry
from tools.lab.measure.load_figures import HELD_SHARE
from tools.lab.measure.outcomes import outcome
from tools.lab.measure.workload import PASSWORD, SEATS, script

WARM = 5.0  # seconds before the measurement begins
SETTLES_WITHIN = 60.0  # seconds


class Load:
    """Load on the system with these settings, with one ledger for all of it."""

    def __init__(self, settings, *, accounts, seed, log):
        self.settings = settings
        self.seed = seed
        self.log = log
        self.connections = Connections(settings["BASE_URL"], timeout=60)
        name = f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"
        self.folder = HERE.path / ".lab" / "load" / name
        self.folder.mkdir(parents=True)
        self.ledger = self.folder / "ledger.jsonl"
        log(f"every answer is written to {os.path.relpath(self.ledger)}")
        log(f"making {accounts} accounts and signing them in")
        with closing(self.connections), ThreadPoolExecutor(4) as threads:
            self.accounts = list(threads.map(self._make_account, range(accounts)))

    def _make_account(self, number):
        """(email, cookie) of a new account."""
        email = f"{self.folder.name}-{number}@load.example"
        body = {"email": email, "password": PASSWORD, "name": f"Visitor {number}"}
        request = ("POST", "/api/accounts", body)
        made = self.connections.ask(*request)
        with self.ledger.open("a") as ledger:
            ledger.write(entry("register", email, request, made))
        signed_in = self.connections.ask(
            "POST", "/api/sessions", {"email": email, "password": PASSWORD}
        )
        if (made.status, signed_in.status) != (201, 201):
            raise Failed(
                f"cannot make an account and sign in: {outcome(made)}, {outcome(signed_in)}"
            )
        return email, signed_in.cookie

    def _stock(self, buyers):
        """The free seats of each event and words to search for; Failed if so many buyers could run
        out of seats."""
        with closing(self.connections):
            events = self.connections.ask("GET", "/api/events?limit=100").json.get("items", [])
            seats = {event["id"]: self._free_seats(event["id"]) for event in events}
        free = sum(map(len, seats.values()))
        if free - len(seats) * max(SEATS) < buyers * max(SEATS):
            raise Failed(
                f"{free} free seats are too few for {buyers} buyers: give more --events, less "
                "--rate, or less --seconds",
                2,
            )
        return {"seats": seats, "words": sorted({event["artist"].split()[-1] for event in events})}

    def _free_seats(self, event):
        shown = self.connections.ask("GET", f"/api/events/{event}/seats")
        if shown.status != 200:
            raise Failed(f"cannot see the seats of an event: {outcome(shown)}")
        return [seat["id"] for seat in shown.json["items"] if seat["status"] == "free"]

    def send(
        self,
        rate,
        seconds,
        *,
        warm=WARM,
        seed=None,
        give_up=False,
        begin=lambda at: None,
        answers=None,
        started=lambda process: None,
    ):
        """What the generator measured of warm and so many seconds of load at rate requests a
        second; with give_up, it stops as soon as the rate is certainly not held. begin() is called
        right before the first request is due, with the time.monotonic() of second 0. answers is a
        file that gets every result at once; started() is called with the generator's process,
        which SIGTERM ends early once it has begun."""
        seed = self.seed if seed is None else seed
        turns = script(seed=seed, rate=rate, seconds=warm + seconds)
        buyers = sum(turn.operation == "hold" for turn in turns)
        plan = {
            "url": self.settings["BASE_URL"],
            "seed": seed,
            "rate": rate,
            "warm": warm,
            "seconds": seconds,
            "may_miss": 1 - HELD_SHARE if give_up else None,
            "ledger": str(self.ledger),
            "answers": answers and str(answers),
            "accounts": self.accounts,
            **self._stock(buyers),
        }
        self.log(f"{rate:g} requests a second: {warm:g} s to warm up, {seconds:g} s measured")
        return run_generator(plan, begin, started)

    def settle(self, **options):
        """Wait until everything has settled; the audit's Verdict. The options are the audit's."""
        self.log("waiting until everything has settled, and auditing")
        return audit(self.entries(), self.settings, **{"within": SETTLES_WITHIN, **options})

    def entries(self):
        """The ledger: measure/ledger.py says what is in it."""
        return [json.loads(line) for line in self.ledger.read_text().splitlines()]


def run_generator(plan, begin=lambda at: None, started=lambda process: None):
    """What generate(plan) returns in a process of its own; begin() and started() are called as
    send() says."""
    with subprocess.Popen(
        [sys.executable, "-m", "tools.lab.measure.generator"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(HERE.path)},
        start_new_session=True,
    ) as process:
        try:
            started(process)
            with suppress(BrokenPipeError), process.stdin:
                json.dump(plan, process.stdin)
            if at := process.stdout.readline():
                begin(float(at))
            results = process.stdout.read()
        except BaseException:
            process.kill()
            raise
    if process.returncode:
        raise Failed(f"the generator ended with exit code {process.returncode}")
    return json.loads(results)
