"""The fixtures of the tests: real services, fresh databases, whole systems; and a record of how each lesson ended.

What is absent at a step is answered with an empty value, so that a lesson fails at the step before with an assertion."""

import http.client
import json
import os
import re
import secrets
import signal
import subprocess
import sys
import urllib.parse
import urllib.request
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from types import SimpleNamespace

import psycopg
import pytest

from tools.lab import audit, inbox, recorder, topics, waiting
from tools.lab.system import System, copy, temporary_state
from tools.lab.tree import HERE

TEST_WITHIN = int(os.environ.get("TEST_SECONDS", "120"))


@dataclass
class Answer:
    """What came back; status is None where nobody answered."""

    status: int | None = None
    json: dict = field(default_factory=dict)
    headers: dict = field(default_factory=dict)
    text: str = ""


class Client:
    """Speaks HTTP to one address, and keeps the cookie it was given."""

    def __init__(self, url):
        self.url, self.cookie = urllib.parse.urlsplit(url), None

    def request(self, method, path, json=None, headers=None):
        sent = {**({"Cookie": self.cookie} if self.cookie else {}), **(headers or {})}
        body = None
        if json is not None:
            body, sent["Content-Type"] = dumps(json), "application/json"
        try:
            return self._answer(method, path, body, sent)
        except (OSError, http.client.HTTPException):
            return Answer()

    def _answer(self, method, path, body, headers):
        connection = http.client.HTTPConnection(self.url.hostname, self.url.port, timeout=60)
        try:
            connection.request(method, path, body, headers)
            response = connection.getresponse()
            text = response.read().decode()
        finally:
            connection.close()
        for cookie in response.headers.get_all("Set-Cookie", []):
            self.cookie = cookie.split(";")[0]
        return Answer(response.status, loads(text), dict(response.headers), text)


def dumps(value):
    return json.dumps(value).encode()


def loads(text):
    try:
        return json.loads(text)
    except ValueError:
        return {}


class Running:
    """A system that runs, as a lesson sees it."""

    def __init__(self, system):
        self.system, self.url, self.anybody = system, system.base_url, Client(system.base_url)

    def request(self, *arguments, **more):
        return self.anybody.request(*arguments, **more)

    def client(self):
        return Client(self.url)

    def sign_in(self, email, password=None):
        """A client that is signed in; the passwords of the sample's customers and organisers are known."""
        told = self.system.to_run()
        known = told["ORGANISER_PASSWORD"] if email.startswith("organiser@") else told["FAN_PASSWORD"]
        client = self.client()
        client.request("POST", "/api/sessions", json={"email": email, "password": password or known})
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
        return [item for item in ledger(self.system.settings["STRIPE_API_BASE"]) if item["kind"] == "charge"]

    def refunds(self):
        return [item for item in ledger(self.system.settings["STRIPE_API_BASE"]) if item["kind"] == "refund"]

    def sandbox(self, **knobs):
        turn(f"{self.system.settings['STRIPE_API_BASE']}/_sandbox", knobs)

    def mail_knobs(self, **knobs):
        turn(f"{self.system.mail_url}/_knobs", knobs)

    def rows(self, owner, sql):
        """What a query of an owner's database finds; nothing where there is no such owner or table."""
        server = self.system.servers.get(owner)
        if server is None:
            return []
        with server.connect(owner) as connection:
            try:
                return connection.execute(sql).fetchall()
            except psycopg.errors.UndefinedTable:
                return []

    @contextmanager
    def statements(self, owner="monolith"):
        """A list of the statements that an owner's database was asked, complete when this ends; empty where there is no such owner."""
        asked, server = [], self.system.servers.get(owner)
        if server is None:
            yield asked
            return
        name, end = "postgres" if owner == "monolith" else f"postgres-{owner}", f"end of what {secrets.token_hex(8)} asked"
        path = self.system.state / "logs" / f"{name}.log"
        log_statements(server, "all", note=f"begin, to {end}")
        yield asked
        log_statements(server, "none", note=end)
        waiting.eventually(lambda: end in path.read_text())
        text = path.read_text().partition(f"begin, to {end}")[2].partition(end)[0].rpartition("\n")[0]
        found = [re.search(r"LOG:  (?:statement|execute [^:]*): (.*)", entry, re.DOTALL) for entry in re.split(r"^(?=\S)", text, flags=re.MULTILINE)]
        asked += [" ".join(each[1].split()) for each in found if each]

    def events(self, topic):
        """[{type, key, data, headers}] of what was said on a topic, in the order of each partition; nothing where there is none."""
        address = self.system.settings.get("KAFKA_BOOTSTRAP_SERVERS")
        return list(topics.said(address, topic)) if address else []


def log_statements(server, which, note):
    """Have a server log all statements, or none of them any more, with a note in its log in between."""
    with server.connect() as connection:
        if which == "none":
            connection.execute(f"select '{note}'")
        connection.execute(f"alter system set log_statement = '{which}'")
        connection.execute("select pg_reload_conf()")
        waiting.eventually(lambda: connection.execute("show log_statement").fetchone() == (which,))
        if which == "all":
            connection.execute(f"select '{note}'")


def mails(url, to=None):
    try:
        found = inbox.messages(url, to, limit=1000)
        return [
            {"subject": mail["Subject"], "to": mail["To"][0]["Address"], "text": inbox.read(url, f"/api/v1/message/{mail['ID']}")["Text"]} for mail in found
        ][::-1]
    except OSError:
        return []


def ledger(url):
    try:
        return audit.moved(url) or []
    except OSError:
        return []


def turn(url, knobs):
    request = urllib.request.Request(url, dumps(knobs), {"Content-Type": "application/json"}, method="PATCH")
    urllib.request.urlopen(request, timeout=10).close()


# Fixtures


SAMPLE = (4, 12)  # events, accounts
NEWS = ('"INFO"', " LOG: ")  # of a process of ours, of PostgreSQL: all is well
QUICK = {"durable": False, "show": lambda name, line: None if any(each in line for each in NEWS) else print(name, line)}  # shown where a test fails


@contextmanager
def whole_system(sample, **scale):
    with temporary_state(HERE) as state:
        copy(sample, state)
        system = System(HERE, state, seed=SAMPLE, scale=scale, **QUICK).start()
        try:
            yield Running(system)
        finally:
            system.drop()


@pytest.fixture
def eventually():
    return waiting.eventually


@pytest.fixture(scope="session")
def services():
    """The backing services alone, with a migrated database to copy; none of the step's own processes."""
    with temporary_state(HERE) as state:
        system = System(HERE, state, **QUICK)
        system.prepare()
        yield system
        system.drop()


@pytest.fixture(scope="session")
def lab_services(services):
    """The addresses of mail and payments, smtp_url, stripe_api_base and stripe_api_key, and the keys of sessions; mails() lists what was caught."""
    settings = services.settings
    return SimpleNamespace(
        smtp_url=settings["SMTP_URL"],
        stripe_api_base=settings["STRIPE_API_BASE"],
        stripe_api_key=settings["STRIPE_API_KEY"],
        session_key=settings["SESSION_KEY"],
        session_public_keys=settings["SESSION_PUBLIC_KEYS"],
        mails=lambda to=None: mails(services.mail_url, to),
    )


def copied(services, name):
    """The URL of a new, migrated, empty database of the monolith's."""
    server = services.servers["monolith"]
    server.create(name, role="monolith", template="monolith")
    return server.url("monolith").rsplit("/", 1)[0] + f"/{name}"


@pytest.fixture(scope="session")
def emptied(services):
    return copied(services, "emptied")


@pytest.fixture
def database_url(services, emptied):
    """A migrated database without a row, for one test."""
    yield emptied
    with services.servers["monolith"].connect("emptied") as connection:
        tables = connection.execute("select quote_ident(tablename) from pg_tables where schemaname = 'public' and tablename <> 'alembic_version'").fetchall()
        connection.execute(f"truncate {', '.join(name for (name,) in tables)}")


@pytest.fixture
def own_database_url(services):
    """A migrated database that a test may change the schema of."""
    yield copied(services, "own")
    services.servers["monolith"].drop("own")


@pytest.fixture(scope="session")
def sample():
    """A state folder with a small sample of data, to be copied: made once, since making it takes seconds."""
    with temporary_state(HERE) as state:
        system = System(HERE, state, seed=SAMPLE, **QUICK)
        system.prepare()
        try:
            system.load_sample()
        finally:
            system.stop()
        yield state


@pytest.fixture
def encore(sample):
    """A whole system of this checkout, with a small sample of data, for one test."""
    with whole_system(sample) as running:
        yield running


@pytest.fixture
def encore_of(sample):
    """The same with as many instances of a process as encore_of(web=2) says."""
    with ExitStack() as stack:
        yield lambda **scale: stack.enter_context(whole_system(sample, **scale))


@pytest.fixture(scope="module")
def shared_encore(sample):
    """The same for all tests of a module, which leave room for each other."""
    with whole_system(sample) as running:
        yield running


@pytest.fixture(scope="session")
def running_system(sample):
    """What a whole system with the sample tells of itself, as `./lab run` would: addresses, passwords, how to reach the lab."""
    with whole_system(sample) as running:
        yield running.system.to_run()


@pytest.fixture
def contract():
    """{(method, path, status)}: every answer that the API's document promises."""
    return recorder.contract()


@pytest.fixture
def seen_by_the_journeys(sample):
    """Those that pass a recording proxy while the journeys run through it, the one that kills left out; nothing where there are none."""
    with whole_system(sample) as running, recorder.recording(running.url) as (url, seen):
        told = {name: value for name, value in running.system.to_run().items() if name not in ("LAB_COMMAND", "LAB_STATE")} | {"BASE_URL": url}
        environment = {name: value for name, value in os.environ.items() if name != "LESSON_OUT"} | told
        command = [sys.executable, "-m", "pytest", "-q", "tests/journeys", "--ignore=tests/journeys/test_concurrency.py"]
        subprocess.run(command, cwd=HERE.path, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=TEST_WITHIN)
        return seen


# Bounds, and the record of how each test ended


def pytest_configure(config):
    """SIGTERM ends as Ctrl-C does: with the fixtures taking down what they have started."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item):
    """No test may hang for ever."""

    def give_up(number, frame):
        raise TimeoutError(f"not done within {TEST_WITHIN} s")

    before = signal.signal(signal.SIGALRM, give_up)
    signal.alarm(TEST_WITHIN)
    try:
        return (yield)
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


ended = {}


def pytest_runtest_makereport(item, call):
    """Note [phase, outcome, kind of exception], from which a failed assertion can be told from any other trouble."""
    if call.excinfo is not None:
        kind = "AssertionError" if call.excinfo.errisinstance(AssertionError) else call.excinfo.typename
        ended.setdefault(item.nodeid, []).append([call.when, "failed", kind, str(call.excinfo.value).splitlines()[:1]])
    elif call.when == "call":
        ended.setdefault(item.nodeid, []).append([call.when, "passed", "", []])


def pytest_collectreport(report):
    if report.failed:
        ended[report.nodeid] = [["collect", "failed", "", [str(report.longrepr).splitlines()[-1]]]]


def pytest_sessionfinish(session, exitstatus):
    if path := os.environ.get("LESSON_OUT"):
        with open(path, "w") as file:  # noqa: PTH123 - as the environment names it
            json.dump(ended, file, indent=1)
