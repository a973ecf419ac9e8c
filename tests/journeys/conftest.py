"""Fixtures of the journeys. A journey knows only the address of the shop: BASE_URL, or the address
of a system that the lab starts.

MAIL_URL lets journeys read mail; STRIPE_API_BASE, the payment sandbox, lets them see payments;
LAB_COMMAND and LAB_STATE let them kill processes. ORGANISER_PASSWORD is the password of
organiser@encore.example, who adds events. Every journey creates its own data, so journeys do not
disturb each other. It waits with `eventually` where the contract allows a delay."""

import http.client
import json
import os
import secrets
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest

PASSWORD = "correct horse"
WITHIN = 15.0  # seconds that a delayed effect may take
CONNECTIONS = {"http": http.client.HTTPConnection, "https": http.client.HTTPSConnection}
waited = defaultdict(list)
damage = {}


@dataclass
class Answer:
    """An answer of the shop; creating one checks the rules that hold for every answer."""

    status: int
    headers: http.client.HTTPMessage
    text: str
    json: dict | None = None

    @property
    def refusal(self):
        """(status, problem type)"""
        return self.status, self.json["type"]

    @property
    def wrong(self):
        """The names of the fields that a 422 answer reports."""
        assert self.refusal == (422, "invalid"), self.json
        return {error["field"] for error in self.json["errors"]}

    def __post_init__(self):
        kind = (self.headers["Content-Type"] or "").split(";")[0]
        assert (
            kind == ("application/problem+json" if self.status >= 400 else "application/json")
            or not self.text
        ), self
        self.json = json.loads(self.text) if self.text else None
        if self.status >= 400:
            self._check_problem()

    def _check_problem(self):
        assert self.status != 500, self
        assert self.json["status"] == self.status
        assert all(
            isinstance(self.json[name], str) and self.json[name]
            for name in ("type", "title", "detail")
        ), self
        assert "Traceback" not in self.text
        if self.json["type"] == "invalid":
            assert all(error["field"] and error["detail"] for error in self.json["errors"])
            assert self.json["errors"]
        if self.status == 405:
            assert self.headers["Allow"]
        if self.status == 503:
            assert self.headers["Retry-After"]


class Client:
    """An HTTP client with a session cookie and a connection per request; threads may share it."""

    def __init__(self, url):
        self.url, self.cookie = urllib.parse.urlsplit(url), None

    def request(self, method, path, json=None, *, body=None, headers=None):
        """The answer; OSError or HTTPException if it is missing or incomplete."""
        sent = {"Cookie": self.cookie} if self.cookie else {}
        if json is not None:
            body, sent["Content-Type"] = dumps(json), "application/json"
        connection = CONNECTIONS[self.url.scheme](self.url.hostname, self.url.port, timeout=60)
        try:
            connection.request(method, path, body, {**sent, **(headers or {})})
            response = connection.getresponse()
            answer = Answer(response.status, response.headers, response.read().decode())
        finally:
            connection.close()
        for cookie in answer.headers.get_all("Set-Cookie", []):
            self.cookie = cookie.split(";")[0]
        return answer

    def get(self, path):
        return self.request("GET", path)

    def post(self, path, json=None, **options):
        return self.request("POST", path, json, **options)

    def delete(self, path, **options):
        return self.request("DELETE", path, **options)

    def sign_in(self, email, password=PASSWORD):
        return self.post("/api/sessions", {"email": email, "password": password})

    def hold(self, event, seats):
        return self.post(f"/api/events/{event.id}/holds", {"seats": seats})

    def book(self, hold_id, card="pm_card_visa", key=None):
        return self.post(
            "/api/bookings",
            {"hold_id": hold_id, "payment_method": card},
            headers={"Idempotency-Key": key} if key else {},
        )

    def cancel(self, booking):
        return self.post(f"/api/bookings/{booking['id']}/cancellation")

    def pages(self, path, limit=100):
        """The items of every page of a list."""
        pages, after = [], ""
        while after is not None:
            page = self.get(
                f"{path}{'&' if '?' in path else '?'}limit={limit}"
                + (after and f"&after={urllib.parse.quote(after)}")
            )
            assert page.status == 200, page
            assert len(page.json["items"]) <= limit
            pages.append(page.json["items"])
            after = page.json["next"]
        return pages

    def items(self, path, limit=100):
        return [item for page in self.pages(path, limit) for item in page]


def dumps(value):
    return json.dumps(value).encode()


def read(url):
    """The JSON at the URL of a tool; None if the tool answers with an error."""
    try:
        with urllib.request.urlopen(url, timeout=30) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as refused:
        refused.close()
        return None


@pytest.fixture(scope="session")
def soon():
    """A function: the time after a delay, by default 30 days, in the format of the API."""
    return moment_after


def moment_after(**after):
    return (
        (datetime.now(UTC).replace(microsecond=0) + timedelta(**(after or {"days": 30})))
        .isoformat()
        .replace("+00:00", "Z")
    )


# The system, customers, events and bookings


@pytest.fixture(scope="session")
def settings(request):
    """The settings of the system under test, from the environment or from the lab's system."""
    return (
        dict(os.environ)
        if os.environ.get("BASE_URL")
        else request.getfixturevalue("running_system")
    )


@pytest.fixture
def visitor(settings):
    """A client that is not signed in."""
    return Client(settings["BASE_URL"])


@pytest.fixture(scope="session")
def sign_up(settings):
    """A function: create an account and return a signed-in client with id, email and name."""

    def sign_up(name="Somebody"):
        client = Client(settings["BASE_URL"])
        client.name, client.email = name, f"{secrets.token_hex(8)}@encore.example"
        made = client.post(
            "/api/accounts", {"email": client.email, "password": PASSWORD, "name": name}
        )
        assert made.status == 201, made
        client.id = made.json["id"]
        assert client.sign_in(client.email).status == 201
        return client

    return sign_up


@pytest.fixture(scope="module")
def fan(sign_up):
    return sign_up("Fan")


@pytest.fixture(scope="module")
def stranger(sign_up):
    """Another customer, without access to the bookings of fan."""
    return sign_up("Stranger")


@pytest.fixture(scope="module")
def organiser(settings):
    if not settings.get("ORGANISER_PASSWORD"):
        pytest.skip("ORGANISER_PASSWORD is not set, and only an organiser can add events")
    client = Client(settings["BASE_URL"])
    assert client.sign_in("organiser@encore.example", settings["ORGANISER_PASSWORD"]).status == 201
    return client


@pytest.fixture(scope="session")
def stage(settings):
    """(venue, section): the smallest section with at least 24 seats."""
    sections = [
        (venue, section)
        for venue in Client(settings["BASE_URL"]).items("/api/venues")
        for section in venue["sections"]
    ]
    return min((each for each in sections if size(each[1]) >= 24), key=lambda each: size(each[1]))


def size(section):
    return section["rows"] * section["seats_per_row"]


@pytest.fixture(scope="module")
def plan_event(stage):
    """A function: the fields of a new event with a unique word in its title, after changes."""
    venue, section = stage

    def plan_event(price=4500, **changes):
        plan = {
            "title": f"Night {secrets.token_hex(6)}",
            "artist": "Night Ferry",
            "genre": "jazz",
            "venue_id": venue["id"],
            "starts_at": moment_after(),
        }
        return {**plan, "prices": {section["name"]: price}, "currency": "EUR", **changes}

    return plan_event


@pytest.fixture(scope="module")
def make_event(organiser, plan_event, eventually):
    """A function: add an event and return its id, the unique word of its title and its seat ids."""

    def make_event(**changes):
        plan = plan_event(**changes)
        made = organiser.post("/api/events", plan)
        assert made.status == 201, made
        seats = eventually(
            "seats of a new event",
            lambda: organiser.get(f"/api/events/{made.json['id']}/seats").json["items"],
        )
        return SimpleNamespace(
            id=made.json["id"], word=plan["title"].split()[-1], seats=[seat["id"] for seat in seats]
        )

    return make_event


@pytest.fixture
def event(make_event):
    return make_event()


@pytest.fixture(scope="session")
def settled(eventually):
    """A function: wait until a booking is neither pending nor cancelling, and return it."""

    def settled(client, booking):
        def ended():
            now = client.get(f"/api/bookings/{booking['id']}").json
            return now["status"] not in ("pending", "cancelling") and now

        return eventually("bookings", ended)

    return settled


@pytest.fixture(scope="session")
def buy(settled):
    """A function: hold seats, book them and return the settled booking with its hold_id."""

    def buy(client, event, seats, card="pm_card_visa", key=None):
        held = client.hold(event, seats)
        assert held.status == 201, held
        booked = client.book(held.json["id"], card, key)
        assert booked.status == 201, booked
        return {**settled(client, booked.json), "hold_id": held.json["id"]}

    return buy


@pytest.fixture(scope="session")
def statuses():
    """{seat id: free, held or sold} of an event."""
    return lambda client, event: {
        seat["id"]: seat["status"]
        for seat in client.get(f"/api/events/{event.id}/seats").json["items"]
    }


@pytest.fixture(scope="session")
def at_once():
    """A function: make all calls at the same time and return their answers."""

    def at_once(calls):
        ready = threading.Barrier(len(calls), timeout=30)
        with ThreadPoolExecutor(len(calls)) as threads:
            return [
                each.result(timeout=90)
                for each in [
                    threads.submit(lambda call=call: ready.wait() is not None and call())
                    for call in calls
                ]
            ]

    return at_once


@pytest.fixture(scope="session")
def mails(settings):
    """A function: [{subject, text}] of the mails to an address."""
    if not settings.get("MAIL_URL"):
        pytest.skip("MAIL_URL is not set, so no mail can be read")

    def mails(to):
        query = urllib.parse.urlencode({"query": f'to:"{to}"', "limit": 1000})
        found = read(f"{settings['MAIL_URL']}/api/v1/search?{query}")["messages"]
        return [
            {
                "subject": each["Subject"],
                "text": read(f"{settings['MAIL_URL']}/api/v1/message/{each['ID']}")["Text"],
            }
            for each in found
        ]

    return mails


@pytest.fixture(scope="session")
def ledger(settings):
    """A function: {hold id: [(charge or refund, amount, currency)]} at the payment provider."""
    url = settings.get("STRIPE_API_BASE")
    if not url or read(f"{url}/_sandbox/ledger?limit=1") is None:
        pytest.skip("the payment provider does not show its ledger")

    def ledger():
        moved, after = defaultdict(list), 0
        while after is not None:
            page = read(f"{url}/_sandbox/ledger?limit=1000&after={after}")
            for item in page["items"]:
                moved[item["metadata"].get("hold_id")].append(
                    (item["kind"], item["amount"], item["currency"].upper())
                )
            after = page["next"]
        return moved

    return ledger


# Waiting, and the report about it


@pytest.fixture(scope="session")
def eventually():
    """A function: repeat check() until its result is true; record the time under a label."""

    def eventually(what, check, within=WITHIN):
        began, pause, attempts = time.monotonic(), 0.005, 0
        while not (answer := check()):
            assert time.monotonic() - began < within, (
                f"{what}: not within {within:g} s; the last answer was {answer!r}"
            )
            time.sleep(pause)
            pause, attempts = min(pause * 1.5, 0.2), attempts + 1
        waited[what].append(time.monotonic() - began if attempts else 0.0)
        return answer

    return eventually


@pytest.fixture(scope="session")
def record_damage():
    """A function: add counts of damage to the report and the record of the run."""
    return damage.update


def pytest_terminal_summary(terminalreporter):
    if waited:
        times = [each for durations in waited.values() for each in durations]
        slow = ", ".join(
            f"{what} {sum(durations):.2f} s"
            for what, durations in sorted(waited.items())
            if sum(durations)
        )
        terminalreporter.line(
            f"journeys waited {sum(times):.2f} s, {sum(map(bool, times))} times of {len(times)}"
            + (slow and f": {slow}")
        )
    if damage:
        terminalreporter.line(
            "journeys saw damage: "
            + ", ".join(f"{count} {kind}" for kind, count in sorted(damage.items()))
        )


def pytest_sessionfinish():
    summed = {
        what: {
            "looked": len(durations),
            "waited": sum(map(bool, durations)),
            "seconds": round(sum(durations), 3),
        }
        for what, durations in waited.items()
    }
    for name, record in (("JOURNEYS_WAITED", summed), ("JOURNEYS_DAMAGE", damage)):
        if path := os.environ.get(name):
            Path(path).write_text(json.dumps(record, indent=1) + "\n")
