"""Two PostgreSQL servers with the tables of bookings, the monolith's side open."""

import os
import subprocess
import sys
import threading
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from extracted.bookings.move import both_sides
from tests.extracted.bookings.flip.sides import SIDES, Writer, clear, make_tables
from tests.kit.servers import servers
from tools.lab.ground.tree import HERE


class Clock:
    """The time of all writers, which a test moves on."""

    def __init__(self):
        self.ahead = timedelta()

    def __call__(self):
        return datetime.now(UTC) + self.ahead


@pytest.fixture(scope="session")
def both(tmp_path_factory):
    """Both servers, for all tests here."""
    with servers(tmp_path_factory.mktemp("flip"), *SIDES) as both:
        for side in SIDES:
            make_tables(both, side)
        yield both


@pytest.fixture
def pair(both):
    """Both servers, without a row; the monolith's side is open, the service's is closed."""
    clear(both)
    yield both
    for side in SIDES:
        if side not in both.running:
            both.start(side)
    clear(both)


@pytest.fixture
def sides(pair):
    """What the commands of the move work on."""
    with both_sides(*(pair.url(side) for side in SIDES)) as sides:
        yield sides


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def writers(pair, clock):
    """{side: the use cases of bookings there}"""
    writers = {side: Writer(pair.url(side), clock) for side in SIDES}
    yield writers
    for writer in writers.values():
        writer.dispose()


@pytest.fixture
def rows(pair):
    """A function: the rows that a query finds on a side."""

    def rows(side, sql, *values):
        with pair.connect(side) as connection:
            return connection.execute(sql, values).fetchall()

    return rows


@pytest.fixture
def environment(pair):
    """A function: the environment of a command of the move."""
    return lambda: {
        **os.environ,
        "DATABASE_URL": pair.url("bookings"),
        "MONOLITH_DATABASE_URL": pair.url("monolith"),
    }


@pytest.fixture
def run(environment):
    """A function: run a program of bookings; (exit code, its output, its errors)"""

    def run(program, *words, **changes):
        ended = subprocess.run(
            [sys.executable, "-m", f"extracted.bookings.{program}", *words],
            cwd=HERE.path,
            env=environment() | changes,
            capture_output=True,
            text=True,
            timeout=90,
        )
        return ended.returncode, ended.stdout.strip(), ended.stderr.strip()

    return run


@pytest.fixture
def started(environment):
    """A function: a command of the move that runs in the background; it is killed at the end."""
    processes = []

    def started(*words):
        process = subprocess.Popen(
            [sys.executable, "-m", "extracted.bookings.move", *words],
            cwd=HERE.path,
            env=environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        processes.append(process)
        return process

    yield started
    for process in processes:
        process.kill()
        process.communicate()


@pytest.fixture
def meanwhile():
    """A function: run functions in threads while a block is executed; each is called again and
    again with its number, until the block ends. A refusal of the database is no error."""

    @contextmanager
    def meanwhile(work, count):
        stop = threading.Event()
        failed = []

        def until_stopped(number):
            turn = 0
            while not stop.is_set():
                try:
                    work(number, turn)
                except Exception as error:
                    failed.append(error)
                    stop.set()
                turn += 1

        threads = [threading.Thread(target=until_stopped, args=[each]) for each in range(count)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            stop.set()
            for thread in threads:
                thread.join(60)
        assert failed == []

    return meanwhile


@pytest.fixture
def transaction(pair):
    """A function: a connection of a side, in a transaction; it is closed at the end."""
    connections = []

    def transaction(side):
        connection = psycopg.connect(pair.url(side))
        connections.append(connection)
        return connection

    yield transaction
    for connection in connections:
        connection.close()
