"""Open-loop load: every request has its moment in advance, latency counts from then, and every
acknowledged answer is kept.

As a program of its own (`python -m tools.lab.measure.load`, with a plan on standard input) this is
the generator; the rest starts it, and makes figures of what it noted."""

import gc
import json
import math
import os
import secrets
import subprocess
import sys
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

from tools.lab.ground.failed import Failed
from tools.lab.ground.http import Connections
from tools.lab.ground.tree import HERE
from tools.lab.measure.audit import audit
from tools.lab.measure.workload import SEATS, script, visits
from tools.lab.system import control
from tools.lab.system.state import running as running_on
from tools.lab.system.state import temporary_state
from tools.lab.system.system import System

WARM, PROBE_WARM, PROBE_SECONDS, PROBES, VOID_PROBES = 5.0, 2.0, 8.0, 8, 4
TIMEOUT, MOST_THREADS = 10.0, 1000
IN_TIME, HELD_SHARE, HELD_RATE = 1.0, 0.99, 0.97  # what it means to hold a rate
# seconds, share of a core: beyond these the generator has measured itself
MOST_LAG, MOST_CPU = (
    0.005,
    0.25,
)
MOST_PROBE_LAG = IN_TIME / 10  # where the question is only who is answered in time
SETTLES_WITHIN = 60.0
PASSWORD = "a password for the load"  # noqa: S105 - of accounts that last as long as the load
NO_ANSWER, OVERTAKEN = "no answer", "not asked: the one before it was not answered yet"

ASK = {  # (method, path, body) of an operation; None where the visit has nothing to ask it for
    "browse": lambda visit: ("GET", "/api/events", None),
    "search": lambda visit: ("GET", f"/api/events?q={quote(visit.word)}", None),
    "one event": lambda visit: ("GET", f"/api/events/{visit.event}", None),
    "seats": lambda visit: ("GET", f"/api/events/{visit.event}/seats", None),
    "my bookings": lambda visit: ("GET", "/api/bookings", None),
    "recommendations": lambda visit: ("GET", "/api/recommendations", None),
    "register": lambda visit: (
        "POST",
        "/api/accounts",
        {
            "email": f"{secrets.token_hex(6)}@load.example",
            "password": PASSWORD,
            "name": "A newcomer",
        },
    ),
    "sign in": lambda visit: (
        "POST",
        "/api/sessions",
        {"email": visit.email, "password": PASSWORD},
    ),
    "hold": lambda visit: ("POST", f"/api/events/{visit.event}/holds", {"seats": visit.seats}),
    "book": lambda visit: (
        visit.hold
        and ("POST", "/api/bookings", {"hold_id": visit.hold, "payment_method": visit.card})
    ),
    "poll": lambda visit: visit.booking and ("GET", f"/api/bookings/{visit.booking}", None),
    "cancel": lambda visit: (
        visit.booking and ("POST", f"/api/bookings/{visit.booking}/cancellation", None)
    ),
}
LEDGER = ("register", "hold", "book", "poll", "cancel")


# The generator


class Generator:
    """Threads that each take the next turn, sleep until it is due, and ask; so there is no handing
    over when it is."""

    def __init__(self, url, turns, visits, ledger, *, give_up=False):
        self.turns = iter(turns)
        self.visits = visits
        self.ledger = ledger
        self.connections = Connections(url, timeout=TIMEOUT)
        self.noted = []
        self.stop = threading.Event()
        self.may_miss = len(turns) * (1 - HELD_SHARE) if give_up else math.inf
        self.started = self.missed = 0

    def run(self, threads):
        """[(operation, due, sent, ended, outcome)], all in seconds from the start."""
        workers = [threading.Thread(target=self._work, daemon=True) for _ in range(threads)]
        self.started = time.monotonic() + 0.05 + 0.0005 * threads
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        self.connections.close()
        return self.noted

    def _work(self):
        for turn in self.turns:
            self.stop.wait(self.started + turn.due - time.monotonic())
            if self.stop.is_set():
                return
            self._take(turn, self.visits[turn.visit])

    def _take(self, turn, visit):
        if visit.is_waiting:
            return self._note(turn, turn.due, math.inf, OVERTAKEN)
        asked = ASK[turn.operation](visit)
        if not asked:
            return None
        visit.is_waiting = True
        answer = self.connections.ask(*asked, visit.cookie)
        ended = time.monotonic()
        if turn.operation in LEDGER:
            self._keep(turn.operation, visit, asked, answer)
        visit.is_waiting = False
        return self._note(turn, answer.sent - self.started, ended - self.started, outcome(answer))

    def _keep(self, operation, visit, asked, answer):
        if operation == "hold" and answer.status == 201:
            visit.hold = answer.json["id"]
        if operation == "book" and answer.status == 201 and answer.json["status"] != "declined":
            visit.booking = answer.json["id"]
        self.ledger.write(entry(operation, visit.email, asked, answer).encode())

    def _note(self, turn, sent, ended, outcome):
        self.noted.append((turn.operation, turn.due, sent, ended, outcome))
        self.missed += not is_in_time(turn.due, ended, outcome)
        if self.missed > self.may_miss:
            self.stop.set()


def outcome(answer):
    if answer.status is None:
        return NO_ANSWER
    return (
        str(answer.status)
        if answer.status < 400
        else f"{answer.status} {answer.json.get('type', '')}".strip()
    )


def is_in_time(due, ended, outcome):
    return is_good(outcome) and ended - due <= IN_TIME


def is_good(outcome):
    """Whether the answer is one that a visitor may well get; another buyer's luck with a seat is no
    fault."""
    return outcome[0] == "2" or outcome.startswith("409")


def entry(operation, email, asked, answer):
    """A line of the ledger."""
    method, path, body = asked
    return (
        json.dumps(
            {
                "operation": operation,
                "email": email,
                "path": path,
                "asked": body or {},
                "status": answer.status,
                "answer": answer.json,
            }
        )
        + "\n"
    )


def generate(plan):
    """Run a plan; answer what was noted, and the share of a core that it took."""
    seconds = plan["warm"] + plan["seconds"]
    turns = script(seed=plan["seed"], rate=plan["rate"], seconds=seconds)
    known = visits(turns, **{name: plan[name] for name in ("seed", "accounts", "seats", "words")})
    threads = min(MOST_THREADS, 16 + round(plan["rate"] * TIMEOUT))
    gc.collect()
    gc.disable()
    # where we may, we go first: what waits for a core then is the system, and not its measure
    with suppress(PermissionError):
        os.setpriority(os.PRIO_PROCESS, 0, -10)
    with Path(plan["ledger"]).open(
        "ab", buffering=0
    ) as ledger:  # a line at once: threads that share a text file tear each other's lines
        generator = Generator(plan["url"], turns, known, ledger, give_up=plan["give_up"])
        began, cpu = time.monotonic(), time.process_time()
        noted = generator.run(threads)
        used = (time.process_time() - cpu) / (time.monotonic() - began)
    return {
        "noted": noted,
        "gave_up": generator.stop.is_set(),
        "cpu": used,
        "connections": generator.connections.made,
    }


# Making figures of what it noted


def figures(measured, *, warm, seconds):
    """What came of the turns that were due after the warm-up; latencies in milliseconds, of answers
    that were not refusals."""
    noted = [each for each in measured["noted"] if each[1] >= warm]
    lags = [sent - due for _, due, sent, _, outcome in noted if outcome != OVERTAKEN]
    holds = [outcome for operation, *_, outcome in noted if operation == "hold"]
    return {
        "operations": {
            name: _of_operation([each for each in noted if each[0] == name]) for name in ASK
        },
        "requests": len(noted),
        "errors": sum(is_error(outcome) for *_, outcome in noted),
        "failed": dict(
            Counter(
                f"{operation} {outcome}" for operation, *_, outcome in noted if not is_good(outcome)
            )
        ),
        "in_time": sum(is_in_time(due, ended, outcome) for _, due, _, ended, outcome in noted)
        / max(1, len(noted)),
        "throughput": sum(
            warm <= ended < warm + seconds and is_good(outcome)
            for *_, ended, outcome in measured["noted"]
        )
        / seconds,
        "seat_taken": sum(outcome == "409 seat-taken" for outcome in holds) / max(1, len(holds)),
        "lag_p99_ms": 1000 * percentile(lags, 99),
        "cpu": measured["cpu"],
        "connections": measured["connections"],
    }


def _of_operation(noted):
    took = [1000 * (ended - due) for _, due, _, ended, outcome in noted if outcome[0] == "2"]
    return {
        "count": len(noted),
        **{f"p{share}": percentile(took, share) for share in (50, 95, 99)},
        "outcomes": dict(Counter(outcome for *_, outcome in noted)),
    }


def is_error(outcome):
    return outcome[0] == "5" or outcome in (NO_ANSWER, OVERTAKEN)


def percentile(values, share):
    """The value that so many percent of values do not exceed; 0 of none."""
    return sorted(values)[math.ceil(len(values) * share / 100) - 1] if values else 0.0


def why_void(figures, most_lag=MOST_LAG):
    """Why nothing can be said of the system, in words; "" if the generator was well."""
    reasons = [
        f"the generator sent {figures['lag_p99_ms']:.1f} ms late (p99), more than "
        f"{1000 * most_lag:g}"
    ] * (figures["lag_p99_ms"] > 1000 * most_lag)
    reasons += [f"the generator took {figures['cpu']:.2f} of a core, more than {MOST_CPU:g}"] * (
        figures["cpu"] > MOST_CPU
    )
    return " and ".join(reasons)


def is_held(figures, rate):
    return (
        figures["in_time"] >= HELD_SHARE
        and not figures["errors"]
        and figures["throughput"] >= HELD_RATE * rate
    )


def find_rate(probe, rate):
    """(the highest rate found held, the lowest found not held or None), within PROBES calls of
    probe(rate): doubling, then bisecting."""
    held, failed = 0, None
    for _ in range(PROBES):
        if probe(rate):
            held = rate
        else:
            failed = rate
        rate = held * 2 if failed is None else round((held + failed) / 2)
        if failed is not None and failed - held <= max(1, held / 20):
            break
    return held, failed


# Starting it


class Load:
    """Load on the system that running tells of, with one ledger for all of it."""

    def __init__(self, running, *, accounts, seed, say):
        self.running = running
        self.seed = seed
        self.say = say
        self.refused = []
        self.connections = Connections(running["BASE_URL"], timeout=60)
        self.folder = (
            HERE.path
            / ".lab"
            / "load"
            / f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"
        )
        self.folder.mkdir(parents=True)
        self.ledger = self.folder / "ledger.jsonl"
        say(f"making {accounts} accounts and signing them in")
        with ThreadPoolExecutor(4) as threads:
            self.accounts = list(threads.map(self._make_account, range(accounts)))

    def _make_account(self, number):
        """(email, cookie) of a new account."""
        email = f"{self.folder.name}-{number}@load.example"
        asked = (
            "POST",
            "/api/accounts",
            {"email": email, "password": PASSWORD, "name": f"Visitor {number}"},
        )
        made = self.connections.ask(*asked)
        with self.ledger.open("a") as ledger:
            ledger.write(entry("register", email, asked, made))
        answer = self.connections.ask(
            "POST", "/api/sessions", {"email": email, "password": PASSWORD}
        )
        if (made.status, answer.status) != (201, 201):
            raise Failed(f"cannot make an account and sign in: {outcome(made)}, {outcome(answer)}")
        return email, answer.cookie

    def _stock(self, wanted):
        """The free seats of each event and words to search for; Failed if so many buyers could run
        out of seats."""
        events = self.connections.ask("GET", "/api/events?limit=100").json.get("items", [])
        plans = {
            event["id"]: self.connections.ask("GET", f"/api/events/{event['id']}/seats").json[
                "items"
            ]
            for event in events
        }
        seats = {
            event: [seat["id"] for seat in plan if seat["status"] == "free"]
            for event, plan in plans.items()
        }
        if sum(map(len, seats.values())) - len(seats) * max(SEATS) < wanted * max(SEATS):
            raise Failed(
                f"{sum(map(len, seats.values()))} free seats are too few for {wanted} buyers: "
                "give more --events, less --rate, or less --seconds",
                2,
            )
        return {"seats": seats, "words": sorted({event["artist"].split()[-1] for event in events})}

    def measure(self, rate, seconds, *, warm=WARM, give_up=False):
        """The figures of one stretch of load at rate requests a second."""
        buyers = sum(
            turn.operation == "hold"
            for turn in script(seed=self.seed, rate=rate, seconds=warm + seconds)
        )
        plan = {
            "url": self.running["BASE_URL"],
            "seed": self.seed,
            "rate": rate,
            "warm": warm,
            "seconds": seconds,
            "give_up": give_up,
        }
        plan |= {"ledger": str(self.ledger), "accounts": self.accounts, **self._stock(buyers)}
        self.say(f"{rate:g} requests a second: {warm:g} s to warm up, {seconds:g} s measured")
        command, environment = (
            [sys.executable, "-m", "tools.lab.measure.load"],
            {**os.environ, "PYTHONPATH": str(HERE.path)},
        )
        ended = subprocess.run(
            command,
            input=json.dumps(plan),
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
            start_new_session=True,
        )
        if ended.returncode:
            raise Failed(f"the generator ended with exit code {ended.returncode}")
        measured = json.loads(ended.stdout)
        return {
            "rate": rate,
            "gave_up": measured["gave_up"],
            **figures(measured, warm=warm, seconds=seconds),
        }

    def disturb(self, verb, name, after):
        """Kill a process, or restart all its instances, after so many seconds; what does it can be
        joined."""

        def act():
            done, answer = control.ask(running_on(Path(self.running["LAB_STATE"])), verb, name)
            self.refused += [] if done else [answer]
            self.say(f"{verb} {name}: {'done' if done else 'refused'}")

        timer = threading.Timer(after, act)
        timer.daemon = True
        timer.start()
        return timer

    def settle(self):
        """What of the five invariants does not hold once everything has come to rest."""
        self.say("waiting until everything has settled, and auditing")
        self.connections.close()
        return audit(
            [json.loads(line) for line in self.ledger.read_text().splitlines()],
            self.running,
            within=SETTLES_WITHIN,
        )


@contextmanager
def something_to_load(tree, say, **options):
    """What the environment's system tells of itself, inside `./lab run`; or else that of one
    started afresh, and stopped afterwards."""
    if os.environ.get("BASE_URL"):
        yield dict(os.environ)
        return
    with temporary_state(tree) as state:
        system = System(tree, state, show=lambda name, line: None, progress=say, **options)
        try:
            yield system.start().to_run()
        finally:
            if system.supervisor:
                system.stop()


def search(load, rate):
    """The highest rate held, with what every probe measured and whether the generator was the
    limit."""
    probes = []

    def probe(rate):
        # a generator that is late makes a rate look worse, never better: so what was held, was
        for _ in range(VOID_PROBES):
            measured = load.measure(rate, PROBE_SECONDS, warm=PROBE_WARM, give_up=True)
            verdict = (
                "held"
                if is_held(measured, rate)
                else why_void(measured, MOST_PROBE_LAG) or "not held"
            )
            load.say(f"{rate:g} requests a second: {verdict}")
            if verdict in ("held", "not held"):
                break
        probes.append({**measured, "verdict": verdict})
        return verdict == "held"

    held, failed = find_rate(probe, rate)
    generator = any(each["rate"] == failed and each["verdict"] != "not held" for each in probes)
    return {
        "held": held,
        "not_held": failed,
        "limit": "the generator"
        if generator
        else "the system"
        if failed
        else "the number of probes",
        "probes": probes,
    }


if __name__ == "__main__":
    print(json.dumps(generate(json.load(sys.stdin))))
