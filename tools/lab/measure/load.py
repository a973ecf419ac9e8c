"""Open-loop load on a running system: each request has its time in advance, latency counts from
then, and every answer is kept in a ledger."""

import json
import os
import secrets
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from tools.lab.ground.failed import Failed
from tools.lab.ground.http import Connections
from tools.lab.ground.tree import HERE
from tools.lab.measure.audit import audit
from tools.lab.measure.generator import entry
from tools.lab.measure.load_figures import (
    HELD_SHARE,
    MOST_PROBE_LAG,
    figures,
    is_held,
    why_void,
)
from tools.lab.measure.outcomes import outcome
from tools.lab.measure.workload import PASSWORD, SEATS, script
from tools.lab.system import control
from tools.lab.system.state import running as running_on
from tools.lab.system.state import temporary_state
from tools.lab.system.system import System

WARM = 5.0  # seconds before the measurement begins
PROBE_WARM = 2.0
PROBE_SECONDS = 8.0
PROBES = 8
VOID_PROBES = 4  # how often a probe is made again because it was void
SETTLES_WITHIN = 60.0  # seconds


class Load:
    """Load on the system with these settings, with one ledger for all of it."""

    def __init__(self, settings, *, accounts, seed, log):
        self.settings = settings
        self.seed = seed
        self.log = log
        self.refused = []
        self.connections = Connections(settings["BASE_URL"], timeout=60)
        name = f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"
        self.folder = HERE.path / ".lab" / "load" / name
        self.folder.mkdir(parents=True)
        self.ledger = self.folder / "ledger.jsonl"
        log(f"making {accounts} accounts and signing them in")
        with ThreadPoolExecutor(4) as threads:
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
        seats = self.connections.ask("GET", f"/api/events/{event}/seats").json["items"]
        return [seat["id"] for seat in seats if seat["status"] == "free"]

    def send(self, rate, seconds, *, warm=WARM, seed=None, give_up=False, begin=lambda at: None):
        """What the generator measured of warm and so many seconds of load at rate requests a
        second; with give_up, it stops as soon as the rate is certainly not held. begin() is called
        right before the first request is due, with the time.monotonic() of second 0."""
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
            "accounts": self.accounts,
            **self._stock(buyers),
        }
        self.log(f"{rate:g} requests a second: {warm:g} s to warm up, {seconds:g} s measured")
        return run_generator(plan, begin)

    def measure(self, rate, seconds, *, warm=WARM, give_up=False):
        """The figures of such a load."""
        measured = self.send(rate, seconds, warm=warm, give_up=give_up)
        return {
            "rate": rate,
            "gave_up": measured["gave_up"],
            **figures(measured, warm=warm, seconds=seconds),
        }

    def disturb(self, verb, name, after):
        """Kill a process, or restart all its instances, after so many seconds; returns the timer,
        which can be joined."""

        def act():
            done, answer = control.ask(running_on(Path(self.settings["LAB_STATE"])), verb, name)
            self.refused += [] if done else [answer]
            self.log(f"{verb} {name}: {'done' if done else 'refused'}")

        timer = threading.Timer(after, act)
        timer.daemon = True
        timer.start()
        return timer

    def settle(self, **options):
        """Wait until everything has settled; the audit's Verdict. The options are the audit's."""
        self.log("waiting until everything has settled, and auditing")
        self.connections.close()
        return audit(self.entries(), self.settings, **{"within": SETTLES_WITHIN, **options})

    def entries(self):
        """The ledger: measure/ledger.py says what is in it."""
        return [json.loads(line) for line in self.ledger.read_text().splitlines()]


def run_generator(plan, begin=lambda at: None):
    """What generate(plan) returns in a process of its own, which calls begin() as send() says."""
    with subprocess.Popen(
        [sys.executable, "-m", "tools.lab.measure.generator"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(HERE.path)},
        start_new_session=True,
    ) as process:
        try:
            with suppress(BrokenPipeError), process.stdin:
                json.dump(plan, process.stdin)
            if started := process.stdout.readline():
                begin(float(started))
            results = process.stdout.read()
        except BaseException:
            process.kill()
            raise
    if process.returncode:
        raise Failed(f"the generator ended with exit code {process.returncode}")
    return json.loads(results)


@contextmanager
def system_to_load(tree, log, **options):
    """The settings of the system that runs already, inside `./lab run`; otherwise those of a new
    one, which is stopped afterwards."""
    if os.environ.get("BASE_URL"):
        yield dict(os.environ)
        return
    with temporary_state(tree) as state:
        system = System(tree, state, show=lambda name, line: None, progress=log, **options)
        try:
            yield system.start().to_run()
        finally:
            if system.supervisor:
                system.stop()


def search(load, rate):
    """The highest rate held, the figures of every probe, and whether the generator was the
    limit."""
    probes = []

    def probe(rate):
        # a late generator makes a rate look worse, never better: a rate that was held is certain
        for _ in range(VOID_PROBES):
            measured = load.measure(rate, PROBE_SECONDS, warm=PROBE_WARM, give_up=True)
            verdict = verdict_on(measured, rate)
            load.log(f"{rate:g} requests a second: {verdict}")
            if verdict in ("held", "not held"):
                break
        probes.append({**measured, "verdict": verdict})
        return verdict == "held"

    held, failed = find_rate(probe, rate)
    return {
        "held": held,
        "not_held": failed,
        "limit": limit_of(probes, failed),
        "probes": probes,
    }


def verdict_on(measured, rate):
    """held, not held, or the reason why the probe is void."""
    if is_held(measured, rate):
        return "held"
    return why_void(measured, MOST_PROBE_LAG) or "not held"


def limit_of(probes, failed):
    if any(each["rate"] == failed and each["verdict"] != "not held" for each in probes):
        return "the generator"
    return "the system" if failed else "the number of probes"


def find_rate(probe, rate):
    """(the highest rate found held, the lowest found not held or None), within PROBES calls of
    probe(rate): it doubles the rate, then bisects."""
    held = 0
    failed = None
    for _ in range(PROBES):
        if probe(rate):
            held = rate
        else:
            failed = rate
        rate = held * 2 if failed is None else round((held + failed) / 2)
        if failed is not None and failed - held <= max(1, held / 20):
            break
    return held, failed
