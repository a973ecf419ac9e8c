"""The figures of a step, as ratios within one run: two things are measured in turn, many times, and
their medians are compared.

Figures are {name with its unit: [each value that was measured]}."""

import asyncio
import os
import time
import uuid
from contextlib import ExitStack, contextmanager
from functools import partial
from statistics import median

from aiosmtpd.controller import Controller

from tools.lab.ground.tree import HERE
from tools.lab.ground.waiting import eventually, free_port, is_listening
from tools.lab.look.payments import turn
from tools.lab.measure import cpu
from tools.lab.measure.shopper import Connection, Shopper, rate, took
from tools.lab.system.processes import memory
from tools.lab.system.state import temporary_state
from tools.lab.system.system import System, expand

ROUNDS = 7
ORDERS = 60
NOT_COUNTED = 5  # the first orders
READS = 200
BOUGHT = 15  # seats a round
WARM_ORDERS = 60  # a Java process is slow at first
PAIRS = 600
SLOWED = 30  # orders with slow mail and payments
MILLISECONDS = 100  # by which mail and payments are slower
EVENTS = 200
ACCOUNTS = 100
MANY_ACCOUNTS = 10_000


def run(out, tree):
    """Measure, and return the figures."""
    # Kafka's client takes a while to import
    from tools.lab.measure import backfill, delivery, staleness

    def log(line):
        out.print(f"{line} ...", style="dim")

    options = {"show": lambda name, line: None, "progress": log}
    figures = {}
    with ExitStack() as stack:
        small_state, large_state = (stack.enter_context(temporary_state(tree)) for _ in range(2))
        small = System(tree, small_state, seed=(EVENTS, ACCOUNTS), **options)
        large = System(tree, large_state, seed=(EVENTS, MANY_ACCOUNTS), **options)
        for system in (large, small):
            stack.callback(stop, system)
        small.start()
        figures |= warm_start(small)
        delivery.catch_up(small)
        log("measuring reads")
        bare = Connection(yardstick(small))
        connection = Connection(small.base_url)
        event_id = connection.ask("GET", "/api/events?limit=1")["items"][0]["id"]
        meter = cpu.Meter(small)
        figures |= reads(connection, bare, event_id, meter)
        if "facade" in tree.processes():
            figures |= added_by_the_facade(small)
        log("measuring the CPU time of holds and bookings")
        figures |= purchases(small, meter)
        large.start()
        delivery.catch_up(large)
        log("measuring holds and bookings")
        figures |= orders(small, large, bare)
        figures |= memory_of_processes(small)
        large.stop()
        log("measuring with slow mail and payments")
        with slow(tree, options) as slowed:
            figures |= waits(small, slowed)
        if tree.topics:
            every = {"TRACE_FOLDER": str(small_state)}
            tenth = {"TRACE_FOLDER": str(large_state), "OTEL_TRACES_SAMPLER_ARG": "0.1"}
            with (
                started(tree, options, **every) as all_traced,
                started(tree, options, **tenth) as tenth_traced,
            ):
                traced = {"every request": all_traced, "a tenth": tenth_traced}
                figures |= tracing(small, traced, event_id)
                figures |= delivery.window(all_traced, small_state)
            log("measuring the delivery of messages")
            figures |= delivery.figures(small)
            log("measuring how old recommendations are")
            figures |= staleness.figures(small)
        if (tree.path / backfill.PROGRAM).exists():
            log("measuring the backfill")
            figures |= backfill.figures(small)
    return figures


def stop(system):
    if system.supervisor:
        system.stop()


def yardstick(system):
    """Start the bare routes on the database of a system; their address: that of a second facade
    with the same configuration, if the step has a facade."""
    port = free_port()
    command = [
        "gunicorn",
        "--no-control-socket",
        "--worker-class",
        "gthread",
        "--threads",
        "16",
        "--keep-alive",
        "5",
        "--bind",
        f"127.0.0.1:{port}",
        "tools.lab.measure.yardstick:create_app()",
    ]
    environment = system.environment("yardstick") | {"PYTHONPATH": str(HERE.path)}
    address = serve(system, "yardstick", command, port, environment, HERE.path)
    return second_facade(system, port) if "facade" in system.tree.processes() else address


def serve(system, name, command, port, environment, cwd):
    """Start one more process of a system, and wait until it listens; its address."""
    system.supervise(name, command, port, environment, cwd=cwd)
    eventually(lambda: is_listening(port), within=30)
    return f"http://127.0.0.1:{port}"


def second_facade(system, upstream):
    """Start one more facade of the step in front of another port; its address."""
    port = free_port()
    known = system.supervisor.find("facade").environment
    names = [name for name in known if name.endswith("_UPSTREAMS")]
    environment = {
        **known,
        **dict.fromkeys(names, f"127.0.0.1:{upstream}"),
        "PORT": str(port),
        "ADMIN_SOCKET": os.path.relpath(system.state / "second.sock", system.tree.path),
    }
    command = expand(system.tree.processes()["facade"], environment)
    return serve(system, "second facade", command, port, environment, system.tree.path)


def warm_start(system):
    """The time from nothing running, but with its data there, to a first acknowledged booking."""
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


def reads(connection, bare, event_id, meter):
    """The rate of each route as a share of the yardstick's, and its CPU, once for each round."""
    paths = {
        "events list": "/api/events",
        "one event": f"/api/events/{event_id}",
        "seats": f"/api/events/{event_id}/seats",
    }
    figures = {}
    for name, path in paths.items():
        rate(connection, path)  # warm up
        rate(bare, path)
        figures[f"{name}, rate as a share of a bare route's"] = [
            rate(connection, path) / rate(bare, path) for _ in range(ROUNDS)
        ]
        figures |= cpu.figures(name, [read(connection, path, meter) for _ in range(ROUNDS)])
    return figures


def read(connection, path, meter):
    """What one read costs each process."""
    cost, _ = measured(meter, [partial(connection.ask, "GET", path)] * READS)
    return cost


def measured(meter, calls):
    """(what one of the calls costs each process, what they returned)"""
    answers = []
    return meter.measure(lambda: answers.extend(call() for call in calls), len(calls)), answers


def purchases(system, meter):
    """What a hold and a booking cost each process, with all that follows from it."""
    shopper = Shopper(system)
    for _ in range(WARM_ORDERS):
        shopper.buy()
    held, booked = [], []
    for _ in range(ROUNDS):
        cost, holds = measured(meter, [shopper.take] * BOUGHT)
        held.append(cost)
        cost, _ = measured(meter, [partial(shopper.pay, hold) for hold in holds])
        booked.append(cost)
    return cpu.figures("hold", held) | cpu.figures("book", booked)


def added_by_the_facade(system):
    """The time that the facade adds to a small answer, in milliseconds, and the time that a Caddy
    adds which does nothing but pass requests on. Each way in turn, over kept connections."""
    ways = {
        "directly": Connection(address_of_web(system)),
        "the facade": Connection(system.base_url),
        "a Caddy without routes, checks and log": Connection(plain_caddy(system)),
    }
    read = partial(Connection.ask, method="GET", path="/api/venues?limit=1")
    write = partial(Connection.ask, method="POST", path="/api/events", body={}, expect=(401,))
    figures = {}
    for kind, call in {"read": read, "write": write}.items():
        directly, *others = median_times(ways, call).items()
        for way, seconds in others:
            figures[f"added by {way} to a {kind}, p50 ms"] = [1000 * (seconds - directly[1])]
    return figures


def median_times(ways, call):
    """{way: the median of the seconds that call(connection) takes}, each way in turn."""
    times = {way: [] for way in ways}
    for _ in range(PAIRS):
        for way, connection in ways.items():
            times[way].append(took(partial(call, connection))[0])
    return {way: median(each) for way, each in times.items()}


def plain_caddy(system):
    """Start a Caddy that passes each request on to the web process; its address."""
    port = free_port()
    command = [
        "caddy",
        "reverse-proxy",
        "--from",
        f"http://127.0.0.1:{port}",
        "--to",
        address_of_web(system).removeprefix("http://"),
    ]
    environment = system.supervisor.find("facade").environment
    return serve(system, "plain caddy", command, port, environment, system.state)


def address_of_web(system):
    return f"http://127.0.0.1:{system.supervisor.find('web').port}"


def orders(small, large, bare):
    """Holds and bookings compared with a bare insert, and with a hundred times the bookings."""
    few = Shopper(small)
    many = Shopper(large)
    inserts = []
    for number in range(ORDERS + NOT_COUNTED):
        for shopper in (few, many) if number % 2 else (many, few):
            shopper.buy()
        inserts.append(took(lambda: bare.ask("POST", "/api/rows", {"note": "one"}))[0])
    for times in (few.hold, few.book, few.confirmed, many.hold, many.book, inserts):
        del times[:NOT_COUNTED]
    p50 = {
        "a bare insert": median(inserts),
        "hold": median(few.hold),
        "book": median(few.book),
        "booked to confirmed": median(few.confirmed),
    }
    return {
        **{f"{name}, p50 ms": [1000 * value] for name, value in p50.items()},
        "hold, p50 against a bare insert's": [p50["hold"] / p50["a bare insert"]],
        "book, p50 against a bare insert's": [p50["book"] / p50["a bare insert"]],
        "hold, p50 with 100 times the bookings": [median(many.hold) / p50["hold"]],
        "book, p50 with 100 times the bookings": [median(many.book) / p50["book"]],
    }


def memory_of_processes(system):
    """The memory of each process of a step but the facade, and of Kafka."""
    names = [
        name
        for name in (*system.tree.processes(), "kafka")
        if name in system.supervisor.processes and name != "facade"
    ]
    return {
        f"memory of the {name} process, MB": [memory(system.supervisor.find(name).popen.pid) / 1e6]
        for name in names
    }


class SlowMail:
    """A mail server that is slow, and deletes every mail."""

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
            stop(system)


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


def waits(usual, slowed):
    """The time of a registration, and how much longer registrations and bookings take with slow
    mail and payments; in milliseconds."""
    shoppers = [Shopper(usual), Shopper(slowed)]
    registered = [[], []]
    for _ in range(SLOWED):
        for shopper, times in zip(shoppers, registered, strict=True):
            shopper.buy()
            times.append(took(lambda shopper=shopper: register(shopper.url))[0])
    booked = [shopper.book for shopper in shoppers]
    longer = {
        f"{name}, p50 longer with mail and payments {MILLISECONDS} ms slower, ms": [
            1000 * (median(times[1]) - median(times[0]))
        ]
        for name, times in {"register": registered, "book": booked}.items()
    }
    return {"register, p50 ms": [1000 * median(registered[0])], **longer}


def register(url):
    account = {
        "email": f"{uuid.uuid4().hex}@encore.example",
        "password": "correct horse",
        "name": "Ada",
    }
    Connection(url).ask("POST", "/api/accounts", account)


def tracing(usual, traced, event_id):
    """The rate of a small answer with traces, as a share of the rate without; traced is {how much
    is traced: system}."""
    path = f"/api/events/{event_id}"
    connections = [Connection(address_of_web(each)) for each in (usual, *traced.values())]
    rates = [[rate(connection, path) for connection in connections] for _ in range(ROUNDS)]
    return {
        f"one event, rate with {name} traced": [each[number] / each[0] for each in rates]
        for number, name in enumerate(traced, 1)
    }
