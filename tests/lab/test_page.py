"""The lab in a browser: who may use it, what it says, and that it asks for nothing while nobody
watches. tests/lab/test_page_in_browser.py looks at it."""

import http.client
import json
import os
import secrets
import shutil
import signal
import time
from contextlib import closing
from types import SimpleNamespace
from urllib.parse import urlsplit

import psutil
import pytest

from tests.lab.ended import gone
from tools.lab.ground.http import as_object
from tools.lab.ground.tree import HERE, Tree
from tools.lab.page import messages, processes, requests
from tools.lab.page.beside import address_of, served
from tools.lab.page.bookings import Bookings
from tools.lab.page.plan import Plan
from tools.lab.page.spans import CLIENT, CONSUMER, PRODUCER, SERVER, Span
from tools.lab.page.stages import Message, Now
from tools.lab.page.tails import Tails
from tools.lab.system.control import Control
from tools.lab.system.leftovers import identity
from tools.lab.system.state import write

LONGER_THAN_A_PAUSE = 4.0  # seconds
RUN = {
    "BASE_URL": "http://127.0.0.1:1",
    "MAIL_URL": "",
    "STRIPE_API_BASE": "http://127.0.0.1:2",
    "LAB_STATE": "/nowhere",
}


class Supervisor:
    """Stands where the processes are, and notes what was asked."""

    def __init__(self):
        self.asked = []
        self.looked_at = 0.0

    def facts(self):
        self.looked_at = time.monotonic()
        web = {"name": "web", "state": "running", "pid": os.getpid()}
        return [{**web, "memory": 1, "up": 1.0, "starts": 1}]

    def kill(self, name, number):
        self.asked.append((name, number))

    def stop(self, name):
        raise LookupError(f"there is no process named {name}")

    start = settings = stop


@pytest.fixture
def supervisor():
    return Supervisor()


@pytest.fixture
def page(tmp_path, supervisor):
    """The address of the page of a system that only seems to run."""
    (tmp_path / "Procfile").write_text("web: python web.py\nworker: sleep 1000\n")
    control = Control(SimpleNamespace(supervisor=supervisor, restart=None))
    here = {"pid": os.getpid(), "created": identity(os.getpid())}
    here |= {"children": {"web": [os.getpid(), "", 9]}, "control": control.address}
    write(tmp_path / "running.json", {**here, "run": RUN})
    with served(Tree(tmp_path), tmp_path):
        yield urlsplit(address_of(tmp_path))
    assert address_of(tmp_path) == ""
    control.close()


def ask(page, method, path, body=None, **headers):
    """The answer, as (status, headers, text); path is one below the token unless it begins with a
    slash."""
    path = path if path.startswith("/") else page.path + path
    with closing(http.client.HTTPConnection(page.netloc, timeout=10)) as connection:
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read().decode()


def do(page, body, path="do", **headers):
    headers = {"Origin": f"http://{page.netloc}", **headers}
    status, _, text = ask(page, "POST", path, json.dumps(body), **headers)
    return status, as_object(text)


@pytest.mark.parametrize("name", ["", "page.js", "page.css", "icon.svg"])
def test_the_page_and_its_files_are_below_the_token(page, name):
    status, headers, text = ask(page, "GET", name)

    assert (status, bool(text)) == (200, True)
    assert headers["Content-Security-Policy"].startswith("default-src 'self';")
    assert headers["Referrer-Policy"] == "no-referrer"


@pytest.mark.parametrize("path", ["/", "/page.js", "/wrong/", "/wrong/stream", "/wrong/do"])
def test_without_the_token_there_is_nothing(page, path):
    status, _, text = ask(page, "GET", path)

    assert (status, text) == (404, '{"problem": "there is nothing at this address"}')


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1", "localhost:{port}"])
def test_another_name_of_this_machine_is_refused(page, host):
    status, _, text = ask(page, "GET", "", Host=host.format(port=page.port))

    assert status == 403
    assert page.path not in text


@pytest.mark.parametrize("origin", [{}, {"Origin": "null"}, {"Origin": "http://evil.example"}])
@pytest.mark.parametrize("path", ["do", "visitors"])
def test_only_the_page_itself_does_something(page, supervisor, origin, path):
    body = json.dumps({"verb": "kill", "name": "web", "rate": 1})

    status, _, _ = ask(page, "POST", path, body, **origin)

    assert (status, supervisor.asked) == (403, [])


def test_signals_reach_the_processes(page, supervisor):
    verbs = {"kill": signal.SIGKILL, "halt": signal.SIGSTOP, "resume": signal.SIGCONT}

    answers = [do(page, {"verb": verb, "name": "web"}) for verb in verbs]

    assert answers == [(200, {})] * 3
    assert supervisor.asked == [("web", number) for number in verbs.values()]


@pytest.mark.parametrize(
    ("path", "body", "problem"),
    [
        ("do", {"verb": "explode", "name": "web"}, "there is no verb explode"),
        ("do", {"verb": "kill"}, "the name of a process is missing"),
        ("do", ["kill", "web"], "the name of a process is missing"),
        ("do", {"verb": "stop", "name": "nobody"}, "there is no process named nobody"),
        ("do", {"verb": "turn", "name": "mail", "knob": "hang"}, "there is no knob hang of mail"),
        ("visitors", {"rate": 61}, "the rate is a whole number from 0 to 60"),
        ("visitors", {"rate": "1"}, "the rate is a whole number from 0 to 60"),
    ],
)
def test_what_cannot_be_done_is_refused_in_one_line(page, path, body, problem):
    assert do(page, body, path) == (400, {"problem": problem})


@pytest.mark.parametrize("body", [b"{", b"\xff", b"[" * 4000, b"x" * 5000])
def test_what_is_no_json_is_refused_in_one_line(page, body):
    status, _, text = ask(page, "POST", "do", body, Origin=f"http://{page.netloc}")

    assert 400 <= status < 500
    assert as_object(text).keys() == {"problem"}


@pytest.mark.parametrize("path", ["bookings/..", "bookings/0123456789abcdef", "logs/..%2fx", "x"])
def test_what_there_is_not_is_said_without_a_stack_trace(page, path):
    status, _, text = ask(page, "GET", path)

    assert status in (400, 404)
    assert as_object(text).keys() == {"problem"}


def test_nothing_is_asked_for_while_nobody_watches(page, supervisor, eventually):
    ask(page, "GET", "")
    assert supervisor.looked_at == 0.0

    with closing(http.client.HTTPConnection(page.netloc, timeout=10)) as connection:
        connection.request("GET", f"{page.path}stream")
        events = read_events(connection.getresponse())
        plan = next(events)
        snapshot = next(each for each in events if each["processes"])
    assert plan["lanes"][0]["worker"] == ["worker"]
    assert snapshot["processes"]["web"]["state"] == "running"
    assert supervisor.looked_at > 0.0
    eventually(lambda: time.monotonic() - supervisor.looked_at > LONGER_THAN_A_PAUSE, within=20)


def read_events(answer):
    for line in answer:
        if line.startswith(b"data: "):
            yield json.loads(line.removeprefix(b"data: "))


# `./lab up` has it beside the system


def page_of(lab):
    """The address of the page that `./lab up` has printed."""
    line = next(
        line
        for line in lab.printed.read_text().splitlines()
        if line.startswith("The lab in a browser")
    )
    assert len(line) <= 80
    return urlsplit(line.split()[-1])


def server_of(process):
    return next(
        child
        for child in psutil.Process(process.pid).children()
        if "tools.lab.page.server" in child.cmdline()
    )


def test_up_prints_its_address_and_ends_it(make_lab):
    lab = make_lab()
    process = lab.up()
    server = server_of(process)

    status, _, _ = ask(page_of(lab), "GET", "")
    process.send_signal(signal.SIGINT)
    process.wait(30)

    assert status == 200
    assert gone([server.pid])


def test_it_ends_with_a_lab_that_was_killed(make_lab, eventually):
    process = make_lab().up()
    server = server_of(process)

    process.kill()
    process.wait(30)

    eventually(lambda: gone([server.pid]))


def test_the_shop_goes_on_without_it(make_lab):
    lab = make_lab()
    shutil.rmtree(lab.path / "tools/lab/page/static")

    lab.up()

    assert "The lab in a browser  cannot be shown" in lab.printed.read_text()
    assert lab.get("/") == str(lab.children()["web"])


# What it makes of what it reads


@pytest.mark.parametrize(
    ("said", "pid", "state"),
    [
        ("running", 1, "running"),
        ("running", None, "restarting"),
        ("running", 2, "running"),
        ("restarting", 2, "running"),
        ("restarting", None, "restarting"),
        ("stopping", 1, "stopping"),
        ("stopped", None, "stopped"),
        ("failed", None, "failed"),
    ],
)
def test_what_ps_has_said_is_corrected_by_who_runs_now(said, pid, state):
    facts = {"name": "web", "state": said, "pid": 1 if said in ("running", "stopping") else None}

    assert processes.corrected(facts, pid)["state"] == state


def test_the_plan_of_this_step_names_every_process_once():
    lanes = Plan(HERE).lanes()

    named = [name for lane in lanes for kind in ("web", "relay", "worker") for name in lane[kind]]

    assert sorted([*named, "facade"]) == sorted(HERE.processes())


def test_each_topic_has_a_relay_and_each_group_a_consumer():
    plan = Plan(HERE)

    assert plan.relay_of("bookings") == "bookings-relay"
    assert plan.relay_of("payments") == "payments-worker"
    assert plan.consumer_of("notifications-copies") == "notifications-worker"
    assert plan.consumer_of("catalog") == "worker"


def test_new_lines_come_once_and_whole(tmp_path):
    path, tails = tmp_path / "web.log", Tails(tmp_path, "*.log")
    path.write_text("before\n")
    first = tails.lines()
    with path.open("a") as file:
        file.write("one\ntw")
    second = tails.lines()
    with path.open("a") as file:
        file.write("o\n")
    third = tails.lines()
    path.write_text("anew\n")

    assert (first, second, third) == ([("web", "before")], [("web", "one")], [("web", "two")])
    assert tails.lines() == [("web", "anew")]


def test_requests_of_the_lab_itself_do_not_count():
    entry = {"time": "2026-06-01T12:00:00+00:00", "level": "INFO", "message": "request"}
    entry |= {"method": "GET", "path": "/", "status": 200, "ms": 4.2, "logger": "kit.http"}

    found = requests.read("web", json.dumps({**entry, "request_id": "one"}))
    none = requests.read("web", json.dumps({**entry, "request_id": "lab"}))

    assert (found.ms, found.status, none) == (4.2, 200, None)
    assert requests.read("web", "no JSON") is None


def test_the_latencies_are_those_of_the_last_seconds():
    known = requests.Requests()
    entry = {"level": "INFO", "message": "handled request", "status": 200, "request_id": "one"}
    entry |= {"request": {"method": "GET", "uri": "/"}, "resp_headers": {"X-Served-By": ["web"]}}
    for second, duration in enumerate([9.0, 0.002, 0.004]):
        line = {**entry, "time": f"2026-06-01T12:00:{10 * second:02}Z", "duration": duration}
        known.add("facade", json.dumps(line))

    figures = known.figures(now=requests.moment("2026-06-01T12:00:20Z"))

    assert figures == {"facade": {"count": 3, "p50": 2.0, "p95": 4.0, "failed": 0}}
    assert known.served == {"web": 3}


def test_the_lag_of_a_group_counts_in_the_topics_that_it_reads():
    from tools.lab.look.topics import TopicPartition, lag

    first, second, other = (
        TopicPartition(*each) for each in [("bookings", 0), ("bookings", 1), ("catalog", 0)]
    )
    committed = {"mail": {first: SimpleNamespace(offset=3)}, "new": {}}

    found = messages.positions(
        ["bookings", "catalog"], {first: 5, second: 2, other: 9}, committed, lag
    )

    assert found["topics"] == {"bookings": 7, "catalog": 9}
    assert found["groups"] == {"mail": {"bookings": {"done": 3, "lag": 4}}}
    assert found["offsets"]["mail"] == {("bookings", 0): 3}


NOW = 1_780_000_000.0
TRACE, REQUEST = secrets.token_hex(16), secrets.token_hex(8)
PLAN = SimpleNamespace(
    relay_of=lambda topic: f"{topic}-relay", consumer_of=lambda group: f"{group}-worker"
)


def message(type="booking.confirmed", at=NOW, offset=None):
    partition = None if offset is None else 0
    parent = f"00-{TRACE}-{REQUEST}-01"
    return Message(type, "bookings", type, "b1", at, parent, partition, offset)


def span(name, kind, process, began=NOW, took=0.01, parent=REQUEST, failed=False):
    id = secrets.token_hex(8)
    return Span(id, parent, TRACE, process, name, kind, began, began + took, failed)


def shown(bookings, unpublished=(), offsets=None, after=10.0):
    [booking] = bookings.shown(PLAN, Now(NOW + after, set(unpublished), NOW + after, offsets or {}))
    return booking


@pytest.mark.parametrize("is_late", [False, True])
def test_a_booking_has_the_stages_of_its_messages_in_whatever_order_they_come(is_late):
    bookings = Bookings()
    consumed = span("mail booking.confirmed", CONSUMER, "mail-worker", NOW + 0.2)
    spans = [
        span("POST /api/bookings", SERVER, "web", NOW - 0.1, 0.15)._replace(id=REQUEST, parent=""),
        span("publish booking.confirmed", PRODUCER, "relay", NOW, 0.1),
        consumed,
        span("send mail", CLIENT, "mail-worker", NOW + 0.2, parent=consumed.id),
    ]

    steps = [lambda: [bookings.take_span(each) for each in spans]]
    steps.insert(is_late, lambda: bookings.take_message(message(offset=3)))
    for step in reversed(steps):
        step()

    booking = shown(bookings)
    [line] = booking["messages"]
    assert (booking["status"], booking["by"]) == ("confirmed", {"process": "web", "ms": 150})
    assert (line["recorded"], line["published"]) == (100, {"process": "relay", "ms": 200})
    [processed] = line["done"]
    assert (processed["process"], processed["ms"]) == ("mail-worker", 310)
    assert (processed["tries"], processed["calls"]) == (1, ["send mail"])


def test_a_message_that_is_not_published_waits_for_its_relay():
    bookings = Bookings()
    bookings.take_message(message())

    [waits] = shown(bookings, unpublished=["booking.confirmed"])["messages"][0]["waits"]

    assert (waits["process"], waits["since"]) == ("bookings-relay", NOW * 1000)
    assert shown(bookings)["messages"][0]["waits"] == []


def test_a_message_waits_for_the_groups_that_have_not_come_to_it():
    bookings = Bookings()
    bookings.take_message(message(offset=3))
    bookings.take_span(span("done booking.confirmed", CONSUMER, "done-worker"))
    offsets = {
        "late": {("bookings", 0): 3},
        "current": {("bookings", 0): 4},
        "done": {("bookings", 0): 3},
        "other": {("accounts", 0): 0},
    }

    waits = shown(bookings, offsets=offsets)["messages"][0]["waits"]

    assert [each["groups"] for each in waits] == [["late"]]
    assert shown(bookings, offsets=offsets, after=0.1)["messages"][0]["waits"] == []


def test_of_what_was_tried_again_the_last_try_counts():
    bookings = Bookings()
    bookings.take_message(message(offset=3))
    for number, failed in enumerate([True, True, False]):
        began = NOW + number
        bookings.take_span(span("mail booking.confirmed", CONSUMER, "w", began, failed=failed))

    [done] = shown(bookings)["messages"][0]["done"]

    assert (done["tries"], done["failed"], done["ms"]) == (3, False, 2010)
