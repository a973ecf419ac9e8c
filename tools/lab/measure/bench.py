"""The figures of a step, as ratios taken in one run: two things are asked in turn, again and again,
and medians are compared.

Figures are {name with its unit: [each value that was measured]}."""

import asyncio
import os
import time
import uuid
from contextlib import contextmanager
from statistics import median

from aiosmtpd.controller import Controller

from tools.lab.ground.http import KEPT, Client
from tools.lab.ground.tree import HERE
from tools.lab.ground.waiting import eventually, free_port, is_listening
from tools.lab.look.payments import turn
from tools.lab.system.processes import memory
from tools.lab.system.state import temporary_state
from tools.lab.system.system import System

ROUNDS, ROUND_SECONDS = 7, 1.0
ORDERS, PAIRS = 60, 2000
SLOWED, MILLISECONDS = 30, 100
EVENTS, ACCOUNTS, MANY_ACCOUNTS = 200, 100, 10_000


class Connection(Client):
    """One kept connection, with a cookie once signed in; an unexpected status raises."""

    def __init__(self, url):
        super().__init__(url, kept=KEPT)

    def ask(self, method, path, body=None, expect=(200, 201)):
        answer = self.request(method, path, body)
        if answer.status not in expect:
            raise RuntimeError(f"{method} {path}: {answer.status} {answer.text[:200]}")
        return answer.json

    def sign_in(self, told):
        self.ask(
            "POST",
            "/api/sessions",
            {"email": "fan@encore.example", "password": told["FAN_PASSWORD"]},
        )
        return self


def rate(connection, path):
    """Requests answered per second, one after the other."""
    count, began = 0, time.perf_counter()
    while time.perf_counter() - began < ROUND_SECONDS:
        connection.ask("GET", path)
        count += 1
    return count / (time.perf_counter() - began)


def took(call):
    began = time.perf_counter()
    answer = call()
    return time.perf_counter() - began, answer


def reads(ours, plain, event_id):
    """{route: its rate as a share of the yardstick's, once for each round}"""
    pairs = {
        "events list": ("/api/events", "/events"),
        "one event": (f"/api/events/{event_id}", f"/event?id={event_id}"),
        "seats": (f"/api/events/{event_id}/seats", f"/seats?id={event_id}"),
    }
    shares = {}
    for name, (path, yardstick) in pairs.items():
        rate(ours, path), rate(plain, yardstick)
        shares[name] = [rate(ours, path) / rate(plain, yardstick) for _ in range(ROUNDS)]
    return shares


def added_by_the_facade(system):
    """What the way through the facade adds to a small answer, in milliseconds: both ways in turn,
    over kept connections."""
    ways = (
        Connection(system.base_url),
        Connection(f"http://127.0.0.1:{system.supervisor.find('web').port}"),
    )
    times = [
        [took(lambda way=way: way.ask("GET", "/api/venues?limit=1"))[0] for way in ways]
        for _ in range(PAIRS)
    ]
    through, direct = (sorted(each) for each in zip(*times, strict=True))
    return {
        f"added by the facade, p{share}, ms": [
            1000 * (through[PAIRS * share // 100] - direct[PAIRS * share // 100])
        ]
        for share in (50, 99)
    }


class Shopper:
    """Buys one seat at a time, and notes how long holding and booking took."""

    def __init__(self, system):
        self.url = system.base_url
        self.connection = Connection(system.base_url).sign_in(system.to_run())
        events = self.connection.ask("GET", "/api/events?limit=100")["items"]
        self.event = max(events, key=lambda event: event["seats_left"])["id"]
        seats = self.connection.ask("GET", f"/api/events/{self.event}/seats")["items"]
        self.free = [seat["id"] for seat in seats if seat["status"] == "free"]
        self.hold = []
        self.book = []

    def buy(self):
        asked = {"seats": [self.free.pop()]}
        held_for, hold = took(
            lambda: self.connection.ask("POST", f"/api/events/{self.event}/holds", asked)
        )
        wanted = {"hold_id": hold["id"], "payment_method": "pm_card_visa"}
        booked_for, booking = took(lambda: self.connection.ask("POST", "/api/bookings", wanted))
        eventually(
            lambda: (
                self.connection.ask("GET", f"/api/bookings/{booking['id']}")["status"]
                == "confirmed"
            )
        )
        self.hold.append(held_for)
        self.book.append(booked_for)


def yardstick(system):
    port = free_port()
    command = [
        "gunicorn",
        "--no-control-socket",
        "--worker-class",
        "gthread",
        "--threads",
        "16",
        "--bind",
        f"127.0.0.1:{port}",
        "tools.lab.measure.yardstick:create_app()",
    ]
    environment = system.environment("yardstick") | {"PYTHONPATH": str(HERE.path)}
    system.supervise("yardstick", command, port, environment, cwd=HERE.path)
    eventually(lambda: is_listening(port), within=30)
    return f"http://127.0.0.1:{port}"


def run(out, tree):
    """Measure, and answer the figures."""
    from tools.lab.measure import delivery  # Kafka's client takes a while to import

    figures = {}
    with temporary_state(tree) as small_state, temporary_state(tree) as large_state:
        quiet = {
            "show": lambda name, line: None,
            "progress": lambda line: out.print(f"{line} ...", style="dim"),
        }
        small = System(tree, small_state, seed=(EVENTS, ACCOUNTS), **quiet)
        large = System(tree, large_state, seed=(EVENTS, MANY_ACCOUNTS), **quiet)
        try:
            small.start()
            figures |= warm_start(small)
            delivery.catch_up(small)
            out.print("measuring reads ...", style="dim")
            plain, ours = yardstick(small), Connection(small.base_url)
            event_id = ours.ask("GET", "/api/events?limit=1")["items"][0]["id"]
            for name, shares in reads(ours, Connection(plain), event_id).items():
                figures[f"{name}, rate as a share of a bare route's"] = shares
            if "facade" in small.tree.processes():
                figures |= added_by_the_facade(small)
            large.start()
            delivery.catch_up(large)
            out.print("measuring holds and bookings ...", style="dim")
            figures |= orders(small, large, Connection(plain))
            for name in [
                name
                for name in (*small.tree.processes(), "kafka")
                if name in small.supervisor.processes and name != "facade"
            ]:
                figures[f"memory of the {name} process, MB"] = [
                    memory(small.supervisor.find(name).popen.pid) / 1e6
                ]
            large.stop()
            out.print("measuring with slow mail and payments ...", style="dim")
            with slow(tree, quiet) as slowed:
                figures |= waits(small, slowed)
            if small.tree.topics:
                with (
                    started(tree, quiet, TRACE_FOLDER=str(small_state)) as every,
                    started(
                        tree, quiet, TRACE_FOLDER=str(large_state), OTEL_TRACES_SAMPLER_ARG="0.1"
                    ) as tenth,
                ):
                    figures |= tracing(small, {"every request": every, "a tenth": tenth}, event_id)
                    figures |= delivery.window(every, small_state)
                out.print("measuring how facts travel ...", style="dim")
                figures |= delivery.figures(small)
        finally:
            for system in (small, large):
                if system.supervisor:
                    system.stop()
    return figures


class SlowMail:
    """A mail server that takes its time, and throws away what it took."""

    async def handle_DATA(self, server, session, envelope):
        await asyncio.sleep(MILLISECONDS / 1000)
        return "250 OK"


@contextmanager
def started(tree, options, **settings):
    """One more system, with some settings of its own."""
    with temporary_state(tree) as state:
        system = System(
            tree, state, seed=(EVENTS, ACCOUNTS), environ={**os.environ, **settings}, **options
        )
        try:
            yield system.start()
        finally:
            if system.supervisor:
                system.stop()


@contextmanager
def slow(tree, options):
    """A system whose mail server and payment provider each take MILLISECONDS longer."""
    mail = Controller(SlowMail(), hostname="127.0.0.1", port=free_port())
    mail.start()
    try:
        with started(tree, options, SMTP_URL=f"smtp://127.0.0.1:{mail.port}") as system:
            turn(f"{system.settings['STRIPE_API_BASE']}/_sandbox", {"latency_ms": MILLISECONDS})
            yield system
    finally:
        mail.stop()


def tracing(usual, traced, event_id):
    """The rate of a small answer where every trace is recorded, or a tenth of them, as a share of
    that where none is."""
    path, *connections = (
        f"/api/events/{event_id}",
        *(
            Connection(f"http://127.0.0.1:{each.supervisor.find('web').port}")
            for each in (usual, *traced.values())
        ),
    )
    rates = [[rate(connection, path) for connection in connections] for _ in range(ROUNDS)]
    return {
        f"one event, rate with {name} traced": [each[number] / each[0] for each in rates]
        for number, name in enumerate(traced, 1)
    }


def waits(usual, slowed):
    """What registering and booking take, and how much longer they do where mail and payments are
    slow; milliseconds."""
    shoppers, registered = [Shopper(usual), Shopper(slowed)], [[], []]
    for _ in range(SLOWED):
        for shopper, times in zip(shoppers, registered, strict=True):
            shopper.buy()
            new = {
                "email": f"{uuid.uuid4().hex}@encore.example",
                "password": "correct horse",
                "name": "Ada",
            }
            times.append(
                took(
                    lambda shopper=shopper, new=new: Connection(shopper.url).ask(
                        "POST", "/api/accounts", new
                    )
                )[0]
            )
    booked = [shopper.book for shopper in shoppers]
    more = {
        f"{name}, p50 longer with mail and payments {MILLISECONDS} ms slower, ms": median(times[1])
        - median(times[0])
        for name, times in {"register": registered, "book": booked}.items()
    }
    return {
        "register, p50 ms": [1000 * median(registered[0])],
        **{name: [1000 * value] for name, value in more.items()},
    }


def warm_start(system):
    """How long from nothing running, but with its data there, to a first booking that is
    acknowledged."""
    system.stop()
    began = time.perf_counter()
    system.start()
    Shopper(system).buy()
    acknowledged = time.perf_counter() - began
    system.supervisor.stop("web")
    restarted, _ = took(lambda: (system.supervisor.start("web"), system.wait_ready()))
    return {
        "warm start to the first booking, s": [acknowledged],
        "web process, start to ready, s": [restarted],
    }


def orders(small, large, plain):
    """Holding and booking against a bare insert, and with a hundred times the bookings against
    few."""
    few, many, inserts = Shopper(small), Shopper(large), []
    for number in range(ORDERS + 5):
        for shopper in (few, many) if number % 2 else (many, few):
            shopper.buy()
        inserts.append(took(lambda: plain.ask("POST", "/rows", {"note": "one"}))[0])
    del few.hold[:5], few.book[:5], many.hold[:5], many.book[:5], inserts[:5]
    p50 = {"a bare insert": median(inserts), "hold": median(few.hold), "book": median(few.book)}
    return {
        **{f"{name}, p50 ms": [1000 * value] for name, value in p50.items()},
        "hold, p50 against a bare insert's": [p50["hold"] / p50["a bare insert"]],
        "book, p50 against a bare insert's": [p50["book"] / p50["a bare insert"]],
        "hold, p50 with 100 times the bookings": [median(many.hold) / p50["hold"]],
        "book, p50 with 100 times the bookings": [median(many.book) / p50["book"]],
    }
