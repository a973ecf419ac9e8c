"""The faults of the drills: each is a context manager that breaks a running system in one way, and
repairs it at the end."""

import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from psycopg import sql

from tools.lab.ground.http import Connections
from tools.lab.ground.waiting import eventually
from tools.lab.look.running import Running

READY_WITHIN = 30.0  # seconds
# the table that each owner writes most
LOCKED = {
    "monolith": "bookings",
    "accounts": "accounts",
    "bookings": "bookings",
    "notifications": "mails",
    "payments": "payments",
    "recommendations": "purchases",
}
CLIENTS = 40  # of a retry storm
INSIST_SECONDS = 5.0
REPEATED_AFTER = 0.1  # seconds: without any pause our own clients would use up the machine


@contextmanager
def nothing(system):
    yield


def instances(system, name):
    """The names of all instances of a process."""
    return [each for each in system.supervisor.processes if name in (each, each.split(".")[0])]


@contextmanager
def stopped(system, name):
    """Every instance of a process or service is stopped in order, and started again."""
    names = instances(system, name) or [system.supervisor.find(name).name]
    with ThreadPoolExecutor(len(names)) as threads:
        list(threads.map(system.supervisor.stop, names))
    try:
        yield
    finally:
        for each in names:
            system.supervisor.start(each)


@contextmanager
def killed(system, name):
    """One instance is killed with -9; the supervisor starts it again."""
    system.supervisor.kill(instances(system, name)[0])
    yield


@contextmanager
def paused(system, name):
    """One instance runs no thread any more, and keeps its connections."""
    name = instances(system, name)[0]
    system.supervisor.kill(name, signal.SIGSTOP)
    try:
        yield
    finally:
        system.supervisor.kill(name, signal.SIGCONT)


@contextmanager
def rolling_restart(system, name):
    """The instances are restarted one after the other."""
    with ThreadPoolExecutor(1) as thread:
        restarting = thread.submit(system.restart, name)
        yield
        restarting.result()


@contextmanager
def provider(system, **knobs):
    """The payment provider behaves as its knobs say."""
    running = Running(system)
    running.sandbox(**knobs)
    try:
        yield
    finally:
        running.sandbox(**{name: type(value)() for name, value in knobs.items()})


# Databases


def server_name(owner):
    """The name of the process of an owner's database server."""
    return "postgres" if owner == "monolith" else f"postgres-{owner}"


@contextmanager
def restarted(system, owner):
    """The server ends its sessions and stops in order, and is started again at once."""
    with stopped(system, server_name(owner)):
        pass
    eventually(system.servers[owner].is_ready, within=READY_WITHIN)
    yield


@contextmanager
def crashed(system, owner):
    """The server ends without writing anything, as after a power failure, and must recover."""
    system.supervisor.kill(server_name(owner), signal.SIGQUIT)
    eventually(system.servers[owner].is_ready, within=READY_WITHIN)
    yield


@contextmanager
def locked(system, owner):
    """Somebody else has locked a table, as a change of its columns does."""
    with system.servers[owner].connect(owner) as connection, connection.transaction():
        connection.execute("set local lock_timeout = '5s'")
        name = LOCKED[owner]
        of = "select relnamespace::regnamespace::text from pg_class where relname = %s"
        (schema,) = connection.execute(f"{of} and relkind = 'r'", [name]).fetchone()
        table = sql.Identifier(schema, name)
        connection.execute(sql.SQL("lock table {} in access exclusive mode").format(table))
        yield


# Messages


@contextmanager
def published(system, name):
    """Messages come as they should not: name is that of a function of messages.py."""
    from tools.lab.experiment import messages  # Kafka's client takes a while to import

    with messages.published(system, getattr(messages, name)):
        yield


# Many clients at once


@contextmanager
def retry_storm(system):
    """Every web process dies at the same time; then every client comes, and repeats its request
    until it is answered."""
    for name in instances(system, "web"):
        system.supervisor.kill(name)
    until = time.monotonic() + INSIST_SECONDS
    crowd = [threading.Thread(target=_insist, args=[system, until]) for _ in range(CLIENTS)]
    for client in crowd:
        client.start()
    yield
    for client in crowd:
        client.join()


def _insist(system, until):
    connections = Connections(system.base_url)
    while time.monotonic() < until:
        if connections.ask("GET", "/api/events").status == 200:
            break
        time.sleep(REPEATED_AFTER)
    connections.close()
