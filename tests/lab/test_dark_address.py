"""A database whose address goes dark, as when its machine is gone: nobody waits for ever, the
standby leads, and all is well when the address is back.

The newest step runs in a network namespace, and the monolith's database in another one. This
process enters a namespace for as long as it opens sockets or starts processes there."""

import ctypes
import os
import shutil
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from types import SimpleNamespace

import pytest

from kit.sample import ORGANISER
from tools.lab.ground.environment import for_processes
from tools.lab.ground.http import Connections
from tools.lab.ground.tree import HERE
from tools.lab.ground.waiting import eventually
from tools.lab.look.running import Running
from tools.lab.measure.drill import buys
from tools.lab.services.postgres import PostgreSQL
from tools.lab.system.state import temporary_state
from tools.lab.system.system import System

SHOP, DATABASE = (f"encore-{os.getpid()}-{name}" for name in ("shop", "database"))
ADDRESSES = {SHOP: "10.99.7.1", DATABASE: "10.99.7.2"}
PORT = 5432
REQUESTS = (  # of an organiser; what other services answer has nothing to do with this database
    ("GET", "/api/events"),
    ("GET", "/api/events?q=love"),
    ("GET", "/api/events?limit=1"),
    ("POST", "/api/events", {}),
    ("GET", "/api/venues"),
)
# seconds: what was sent is not acknowledged for 10 (tcp_user_timeout), then connecting again takes
# 3 (connect_timeout), twice; the facade waits for 8 until an instance is ready
ANSWERED_WITHIN = 30.0
LEADS_WITHIN = 20.0  # the server gives up the old leader after 10 or 11
WELL_WITHIN = 30.0
LEADER = """
    select host(client_addr) from pg_locks join pg_stat_activity using (pid)
    where locktype = 'advisory' and granted and objid = 20260601"""


def ip(*words):
    subprocess.run(["ip", *words], check=True, capture_output=True)


@contextmanager
def inside(namespace):
    """What this thread opens or starts belongs to a network namespace."""
    with open("/proc/thread-self/ns/net") as own, open(f"/run/netns/{namespace}") as other:  # noqa: PTH123
        enter(other)
        try:
            yield
        finally:
            enter(own)


def enter(file):
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.setns(file.fileno(), 0):
        raise OSError(ctypes.get_errno(), "setns")


@pytest.fixture(scope="module")
def namespaces():
    """Two namespaces with a cable between them."""
    if os.geteuid() or not shutil.which("ip"):
        pytest.skip("network namespaces need root, and ip of iproute2")
    with ExitStack() as stack:
        for name in ADDRESSES:
            try:
                ip("netns", "add", name)
            except subprocess.CalledProcessError as error:
                pytest.skip(f"no network namespaces here: {error.stderr.decode().strip()}")
            stack.callback(ip, "netns", "delete", name)
        ip("-n", SHOP, "link", "add", "cable", "type", "veth", "peer", "cable", "netns", DATABASE)
        for name, address in ADDRESSES.items():
            ip("-n", name, "address", "add", f"{address}/24", "dev", "cable")
            for link in ("lo", "cable"):
                ip("-n", name, "link", "set", link, "up")
        yield


@contextmanager
def process(command, stop_with=signal.SIGTERM, **options):
    with subprocess.Popen(command, **options) as started:
        try:
            yield
        finally:
            started.send_signal(stop_with)


@contextmanager
def database():
    """A server that listens on the address, too."""
    with temporary_state(HERE) as state:
        server = PostgreSQL(state / "postgres", PORT, durable=False)
        server.prepare()
        with (server.data / "pg_hba.conf").open("a") as rules:
            rules.write(f"host all all {ADDRESSES[SHOP]}/32 scram-sha-256\n")
        command = [*server.command(), f"--listen_addresses=127.0.0.1,{ADDRESSES[DATABASE]}"]
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        # SIGTERM would wait for the sessions of the dark address
        with process(command, signal.SIGINT, **quiet, **server.run_as()):
            eventually(server.is_ready, within=30)
            server.create("monolith")
            yield server


@contextmanager
def shop(url):
    """The newest step, with the monolith's database at url."""
    with temporary_state(HERE) as state:
        system = System(
            HERE,
            state,
            seed=(4, 12),
            durable=False,
            show=lambda name, line: None,
            environ={**os.environ, "MONOLITH_DATABASE_URL": url},
        )
        try:
            yield system.start()
        finally:
            system.stop(at_once=True)


def standby(server):
    """A second relay, which reaches the database although its address is dark."""
    environment = {
        **for_processes(os.environ),
        "PYTHONPATH": str(HERE.path),
        "DATABASE_URL": server.url("monolith"),
        "KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1",
    }
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    command = [sys.executable, "-m", "kit.relay"]
    return process(command, cwd=HERE.path, env=environment, **quiet)


@pytest.fixture(scope="module")
def outage(namespaces):
    """What was seen while the address was dark; it is back, and the standby has stopped."""
    with ExitStack() as stack:
        with inside(DATABASE):
            server = stack.enter_context(database())
            connection = stack.enter_context(server.connect("monolith"))
        with inside(SHOP):
            url = server.url("monolith").replace("127.0.0.1", ADDRESSES[DATABASE])
            system = stack.enter_context(shop(url))
            eventually(lambda: leader(connection), within=30)
        with ExitStack() as while_dark:
            with inside(DATABASE):
                while_dark.enter_context(standby(server))
            seen = outage_of(system, connection)
        yield SimpleNamespace(system=system, **seen)


def outage_of(system, connection):
    """Make the address dark, until the standby leads and every request is answered."""
    first = leader(connection)
    with inside(SHOP), ThreadPoolExecutor(2 * len(REQUESTS)) as threads:
        signed_in = sign_in(system)
        for each in ask_everywhere(system, threads, signed_in):
            each.result()  # now the shop has connections that are open
        switch("delete", DATABASE)
        began = time.monotonic()
        connection.execute("notify outbox")  # so that the server sends something to the leader
        asked = ask_everywhere(system, threads, signed_in)
        eventually(lambda: leader(connection) not in (None, first), within=3 * LEADS_WITHIN)
        led_after = time.monotonic() - began
    leaders = [first, leader(connection)]
    switch("add", DATABASE)
    return {
        "leaders": leaders,
        "led_after": led_after,
        "answers": [each.result() for each in asked],
    }


def sign_in(system):
    """The cookie of an organiser."""
    known = {"email": ORGANISER, "password": system.to_run()["ORGANISER_PASSWORD"]}
    return Connections(system.base_url, kept=0).ask("POST", "/api/sessions", known).cookie


def ask_everywhere(system, threads, cookie):
    """Each request, sent to the facade and to the process behind it, all at once."""
    urls = (system.base_url, f"http://127.0.0.1:{system.ports['web']}")
    return [threads.submit(ask, url, cookie, *request) for url in urls for request in REQUESTS]


def switch(verb, name):
    """Add or delete the address of a namespace."""
    ip("-n", name, "address", verb, f"{ADDRESSES[name]}/24", "dev", "cable")


def leader(connection):
    """The address that the leading relay has connected from."""
    found = connection.execute(LEADER).fetchone()
    return found and found[0]


def ask(url, cookie, *request):
    """(status, seconds until the answer) of a request."""
    began = time.monotonic()
    answer = Connections(url, timeout=5 * ANSWERED_WITHIN, kept=0).ask(*request, cookie=cookie)
    return answer.status, time.monotonic() - began


def test_every_request_is_answered_while_the_address_is_dark(outage):
    assert {status for status, _ in outage.answers} == {503}
    assert max(seconds for _, seconds in outage.answers) < ANSWERED_WITHIN


def test_the_standby_leads_soon(outage):
    assert outage.leaders == [ADDRESSES[SHOP], "127.0.0.1"]
    assert outage.led_after < LEADS_WITHIN


def test_everything_works_when_the_address_is_back(outage):
    with inside(SHOP):
        assert eventually(lambda: buys(Running(outage.system)), within=WELL_WITHIN)
