"""A running system, as a test or a measurement sees it."""

import re
import secrets
import signal
import subprocess
from contextlib import contextmanager

import psycopg

from tools.lab.ground import waiting
from tools.lab.ground.http import Client
from tools.lab.look.mail import mails
from tools.lab.look.payments import ledger, turn

COMMAND_WITHIN = 60.0  # seconds


class Running:
    """A system that runs, as a lesson sees it. Messages count from published_before on, which is
    {(topic, partition): offset}."""

    def __init__(self, system, published_before=None):
        self.system = system
        self.url = system.base_url
        self.anybody = Client(system.base_url)
        self.published_before = published_before or {}

    def request(self, *arguments, **more):
        return self.anybody.request(*arguments, **more)

    def client(self):
        return Client(self.url)

    def sign_in(self, email, password=None):
        """A client that is signed in; the passwords of the sample's customers and organisers are
        known."""
        settings = self.system.to_run()
        role = "ORGANISER" if email.startswith("organiser@") else "FAN"
        known = settings[f"{role}_PASSWORD"]
        client = self.client()
        client.request(
            "POST", "/api/sessions", json={"email": email, "password": password or known}
        )
        return client

    def stop(self, name):
        self.system.supervisor.stop(name)

    def start(self, name):
        process = self.system.supervisor.find(name)
        self.system.supervisor.start(name)
        waiting.eventually(lambda: waiting.is_listening(process.port))

    def restart(self, name):
        """Every instance of a process, one after the other."""
        self.system.restart(name)
        self.wait_ready()

    def kill(self, name, number=signal.SIGKILL):
        self.system.supervisor.kill(name, number)

    def wait_ready(self):
        waiting.eventually(self.system.is_ready, within=30)

    def mails(self, to=None):
        """[{subject, to, text}], oldest first; none while the catcher is away."""
        return mails(self.system.mail_url, to)

    def charges(self):
        return [item for item in self._ledger() if item["kind"] == "charge"]

    def refunds(self):
        return [item for item in self._ledger() if item["kind"] == "refund"]

    def _ledger(self):
        return ledger(self.system.settings["STRIPE_API_BASE"])

    def sandbox(self, **knobs):
        turn(f"{self.system.settings['STRIPE_API_BASE']}/_sandbox", knobs)

    def mail_knobs(self, **knobs):
        turn(f"{self.system.mail_url}/_knobs", knobs)

    def rows(self, owner, sql):
        """What a query of an owner's database finds; nothing where there is no such owner or
        table."""
        server = self.system.servers.get(owner)
        if server is None:
            return []
        with server.connect(owner) as connection:
            try:
                return connection.execute(sql).fetchall()
            except psycopg.errors.UndefinedTable:
                return []

    def output_of(self, name, *command):
        """What a command prints with the settings of the process name; nothing where there is no
        such process."""
        try:
            environment, folder = self.system.supervisor.settings(name)
        except LookupError:
            return ""
        return subprocess.run(
            command,
            env=environment,
            cwd=folder,
            stdout=subprocess.PIPE,
            text=True,
            timeout=COMMAND_WITHIN,
        ).stdout

    @contextmanager
    def statements(self, owner="monolith"):
        """A list of the statements that an owner's database received, complete at the end of the
        block; empty if there is no such owner."""
        received = []
        server = self.system.servers.get(owner)
        if server is None:
            yield received
            return
        name = "postgres" if owner == "monolith" else f"postgres-{owner}"
        end = f"end of the statements of {secrets.token_hex(8)}"
        path = self.system.state / "logs" / f"{name}.log"
        log_statements(server, "all", note=f"begin, to {end}")
        yield received
        log_statements(server, "none", note=end)
        waiting.eventually(lambda: end in path.read_text())
        text = (
            path.read_text().partition(f"begin, to {end}")[2].partition(end)[0].rpartition("\n")[0]
        )
        found = [
            re.search(r"LOG:  (?:statement|execute [^:]*): (.*)", entry, re.DOTALL)
            for entry in re.split(r"^(?=\S)", text, flags=re.MULTILINE)
        ]
        received += [" ".join(each[1].split()) for each in found if each]

    def events(self, topic):
        """[{type, key, data, headers}] of the messages of a topic, in the order of each partition;
        none if the step has no Kafka."""
        address = self.system.settings.get("KAFKA_BOOTSTRAP_SERVERS")
        if not address:
            return []
        # Kafka's client takes a while to import, and most callers do not need it
        from tools.lab.look import topics

        return [
            message
            for message in topics.messages(address, topic)
            if message["offset"] >= self.published_before.get((topic, message["partition"]), 0)
        ]


def log_statements(server, which, note):
    """Have a server log all statements, or none, and write a note into its log in between."""
    with server.connect() as connection:
        if which == "none":
            connection.execute(f"select '{note}'")
        connection.execute(f"alter system set log_statement = '{which}'")
        connection.execute("select pg_reload_conf()")
        waiting.eventually(lambda: connection.execute("show log_statement").fetchone() == (which,))
        if which == "all":
            connection.execute(f"select '{note}'")
