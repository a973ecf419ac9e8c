"""The fixtures of the tests: real services, fresh databases, a running system; and a record of how
each lesson ended.

What is absent at a step is answered with an empty value, so that a lesson fails at the step before
with an assertion."""

import json
import os
import signal
import subprocess
import sys
from types import SimpleNamespace

import pytest

from tools.lab.ground import waiting
from tools.lab.ground.tree import HERE
from tools.lab.look.mail import mails
from tools.lab.system.state import temporary_state
from tools.lab.system.system import System
from tools.lab.testing import recorder
from tools.lab.testing.whole import Whole

TEST_WITHIN = int(os.environ.get("TEST_SECONDS", "120"))

SAMPLE = (4, 12)  # events, accounts
NEWS = ('"INFO"', " LOG: ")  # of a process of ours, of PostgreSQL: all is well
# shown where a test fails
QUICK = {
    "durable": False,
    "show": lambda name, line: None if any(each in line for each in NEWS) else print(name, line),
}


@pytest.fixture
def eventually():
    return waiting.eventually


@pytest.fixture(scope="session")
def services():
    """The backing services of this session, with a migrated database of each owner to copy."""
    with temporary_state(HERE) as state:
        system = System(HERE, state, seed=SAMPLE, traced=True, **QUICK)
        system.prepare()
        try:
            for owner, server in system.servers.items():
                server.templates[owner] = server.keep(owner, "empty")
            yield system
        finally:
            system.stop(at_once=True)


@pytest.fixture(scope="session")
def lab_services(services):
    """The addresses of mail and payments, smtp_url, stripe_api_base and stripe_api_key, and the
    keys of sessions; mails() lists what was caught."""
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
        tables = connection.execute(
            "select quote_ident(tablename) from pg_tables where schemaname = 'public' and "
            "tablename <> 'alembic_version'"
        ).fetchall()
        connection.execute(f"truncate {', '.join(name for (name,) in tables)}")


@pytest.fixture
def own_database_url(services):
    """A migrated database that a test may change the schema of."""
    yield copied(services, "own")
    services.servers["monolith"].drop("own")


@pytest.fixture(scope="session")
def whole(services):
    return Whole(services)


@pytest.fixture
def encore(whole):
    """The running system of this checkout, with a small sample of data, as if it had just been
    started; all tests share it, and it is mended and put back for each."""
    yield whole.healed()
    whole.mend()


@pytest.fixture
def encore_of(whole):
    """The same with as many instances of a process as encore_of(web=2) says."""
    yield whole.healed
    whole.mend()


@pytest.fixture
def fresh_encore(whole):
    """One that was really started for this test, and may be left in any state."""
    yield whole.renew()
    whole.give_up()


@pytest.fixture(scope="module")
def shared_encore(whole):
    """The same for all tests of a module, which leave room for each other."""
    yield whole.healed()
    whole.mend()


@pytest.fixture(scope="session")
def running_system(whole):
    """What the running system with the sample tells of itself, as `./lab run` would: addresses,
    passwords, how to reach the lab."""
    return whole.healed().system.to_run()


@pytest.fixture
def contract():
    """{(method, path, status)}: every answer that the API's document promises."""
    return recorder.contract()


@pytest.fixture
def seen_by_the_journeys(encore):
    """Those that pass a recording proxy while the journeys run through it, the one that kills left
    out; nothing where there are none."""
    with recorder.recording(encore.url) as (url, seen):
        told = {
            name: value
            for name, value in encore.system.to_run().items()
            if name not in ("LAB_COMMAND", "LAB_STATE")
        } | {"BASE_URL": url}
        environment = {
            name: value for name, value in os.environ.items() if name != "LESSON_OUT"
        } | told
        command = [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "tests/journeys",
            "--ignore=tests/journeys/test_concurrency.py",
        ]
        subprocess.run(
            command,
            cwd=HERE.path,
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=TEST_WITHIN,
        )
        return seen


# Bounds, and the record of how each test ended


def pytest_configure(config):
    """SIGTERM ends as Ctrl-C does: with the fixtures taking down what they have started."""
    config.addinivalue_line("markers", "within(seconds): the bound of a test that takes long")
    signal.signal(signal.SIGTERM, signal.default_int_handler)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item):
    """No test may hang for ever."""
    marker = item.get_closest_marker("within")
    seconds = marker.args[0] if marker else TEST_WITHIN

    def give_up(number, frame):
        raise TimeoutError(f"not done within {seconds} s")

    before = signal.signal(signal.SIGALRM, give_up)
    signal.alarm(seconds)
    try:
        return (yield)
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


ended = {}


def pytest_runtest_makereport(item, call):
    """Note [phase, outcome, kind of exception], from which a failed assertion can be told from any
    other trouble."""
    if call.excinfo is not None:
        kind = (
            "AssertionError"
            if call.excinfo.errisinstance(AssertionError)
            else call.excinfo.typename
        )
        ended.setdefault(item.nodeid, []).append(
            [call.when, "failed", kind, str(call.excinfo.value).splitlines()[:1]]
        )
    elif call.when == "call":
        ended.setdefault(item.nodeid, []).append([call.when, "passed", "", []])


def pytest_collectreport(report):
    if report.failed:
        ended[report.nodeid] = [["collect", "failed", "", [str(report.longrepr).splitlines()[-1]]]]


def pytest_sessionfinish(session, exitstatus):
    if path := os.environ.get("LESSON_OUT"):
        with open(path, "w") as file:  # noqa: PTH123 - as the environment names it
            json.dump(ended, file, indent=1)
