"""PostgreSQL servers for one test module, each with the database of its owner. A test may stop a
server, and start it on another port."""

import shutil
import signal
import subprocess
from contextlib import contextmanager

import psycopg

from tools.lab.ground.waiting import eventually, free_port
from tools.lab.services.postgres import PostgreSQL


class Servers:
    """One server for each owner; their data lie in folder."""

    def __init__(self, folder, owners):
        self.servers = {owner: PostgreSQL(folder / owner, 0, durable=False) for owner in owners}
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
        eventually(server.is_ready, within=60)
        server.create(owner)

    def stop(self, owner):
        process = self.running.pop(owner)
        process.send_signal(signal.SIGQUIT)
        process.wait(20)

    def url(self, owner):
        return self.servers[owner].url(owner)

    def connect(self, owner):
        return psycopg.connect(self.url(owner), autocommit=True)


@contextmanager
def servers(folder, *owners):
    """Servers that run."""
    all_of_them = Servers(folder, owners)
    try:
        for owner in owners:
            all_of_them.start(owner)
        yield all_of_them
    finally:
        for owner in list(all_of_them.running):
            all_of_them.stop(owner)
        for server in all_of_them.servers.values():
            shutil.rmtree(server.home, ignore_errors=True)
