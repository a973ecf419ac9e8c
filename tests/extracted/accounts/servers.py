"""Two PostgreSQL servers, the monolith's and that of accounts, with the tables that move. A test
may stop a server and start it on another port."""

import shutil
import signal
import subprocess
from contextlib import contextmanager

import psycopg
import pytest
from sqlalchemy import create_engine

from extracted.accounts import fence
from extracted.accounts.model import Base
from extracted.accounts.move import both_sides, drop
from kit.outbox import metadata as outbox
from tools.lab.ground.waiting import eventually, free_port
from tools.lab.services.postgres import PostgreSQL

OWNERS = ("monolith", "accounts")
LEFT = """
select 'slot ' || slot_name from pg_replication_slots
union all select 'publication ' || pubname from pg_publication
union all select 'subscription ' || subname from pg_subscription"""


class Pair:
    """Both servers; urls and connections are those of the owners."""

    def __init__(self, folder):
        self.servers = {name: PostgreSQL(folder / name, 0, durable=False) for name in OWNERS}
        self.log = folder / "log"
        self.running = {}

    def start(self, owner):
        """Start a server, on another port than before."""
        server = self.servers[owner]
        server.port = free_port()
        server.prepare()
        with self.log.open("a") as log:
            self.running[owner] = subprocess.Popen(
                server.command(), stdout=log, stderr=log, **server.run_as()
            )
        eventually(server.is_ready)
        server.create(owner)

    def stop(self, owner):
        process = self.running.pop(owner)
        process.send_signal(signal.SIGQUIT)
        process.wait(20)

    def url(self, owner):
        return self.servers[owner].url(owner)

    @property
    def environment(self):
        return {
            "DATABASE_URL": self.url("accounts"),
            "MONOLITH_DATABASE_URL": self.url("monolith"),
        }

    def connect(self, owner):
        return psycopg.connect(self.url(owner), autocommit=True)

    def sides(self):
        return both_sides(self.url("monolith"), self.url("accounts"))

    def left(self):
        """The names of what replication has made and not dropped, on both sides."""
        return [name for owner in OWNERS for (name,) in self.rows(owner, LEFT)]

    def rows(self, owner, query):
        with self.connect(owner) as connection:
            return connection.execute(query).fetchall()

    def clear(self):
        """No row, no fence and no replication is left."""
        with self.sides() as sides:
            drop(sides)
            for side in (sides.monolith, sides.accounts):
                fence.open_(side)
                side.execute("truncate accounts, ended_sessions, outbox")


@contextmanager
def two_servers(folder):
    """A Pair that runs."""
    pair = Pair(folder)
    try:
        for owner in OWNERS:
            pair.start(owner)
            engine = create_engine(pair.url(owner))
            for metadata in (Base.metadata, outbox):
                metadata.create_all(engine)
            engine.dispose()
        yield pair
    finally:
        for owner in list(pair.running):
            pair.stop(owner)
        for server in pair.servers.values():
            shutil.rmtree(server.home, ignore_errors=True)


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    with two_servers(tmp_path_factory.mktemp("servers")) as pair:
        yield pair


@pytest.fixture
def pair(both):
    """The servers, without a row, and without a fence or a replication."""
    both.clear()
    yield both
    for owner in OWNERS:
        if owner not in both.running:
            both.start(owner)
