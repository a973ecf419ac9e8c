"""The drift report finds every fault that is planted in the service, and no other difference."""

import os
import pickle
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import psycopg
import pytest
from psycopg.rows import namedtuple_row

from kit import memory
from kit.relay import Relay
from kit.worker import consumer
from monolith import drift
from monolith.app import create_app
from monolith.config import parse
from monolith.groups import GROUPS
from tools.lab.ground.tree import HERE

FAULTS = {path.stem: path for path in HERE.path.glob("tests/mutants/recommendations/*.patch")}
SERVING = Path(__file__).with_name("serving.py")
SAMPLE = 24  # accounts
SEED = ["seed", "--events", "90", "--accounts", "80"]
PASSWORDS = ["--fan-password", "fan-of-encore", "--organiser-password", "organiser-of-encore"]


@pytest.fixture(scope="module")
def shop(services, lab_services):
    """The monolith with sample data, in which the fan has booked and cancelled."""
    server = services.servers["monolith"]
    server.create("drift", role="monolith", template="monolith")
    environ = {
        "DATABASE_URL": server.url("monolith").rsplit("/", 1)[0] + "/drift",
        "STRIPE_API_BASE": lab_services.stripe_api_base,
        "STRIPE_API_KEY": lab_services.stripe_api_key,
        "SESSION_KEY": lab_services.session_key,
        "SESSION_PUBLIC_KEYS": lab_services.session_public_keys,
        "LOG_LEVEL": "ERROR",
    }
    app = create_app(parse(environ))
    done = app.test_cli_runner().invoke(args=[*SEED, *PASSWORDS])
    assert done.exit_code == 0, done.output
    visit(app.test_client())
    yield app
    app.extensions["process"].db.dispose()
    server.drop("drift")


def visit(client):
    """Book an event twice; then book another one, and cancel that."""
    client.post(
        "/api/sessions",
        json={"email": "fan@encore.example", "password": "fan-of-encore"},
    )
    best = client.get("/api/recommendations?limit=2").json["items"]
    twice, never = (each["event"]["id"] for each in best)
    book(client, twice)
    book(client, twice)
    cancelled = book(client, never)
    answer = client.post(f"/api/bookings/{cancelled}/cancellation")
    assert answer.status_code in (200, 202), answer.json


def book(client, event):
    """Book a seat of an event; the booking's id."""
    seats = client.get(f"/api/events/{event}/seats").json["items"]
    free = next(seat["id"] for seat in seats if seat["status"] == "free")
    hold = client.post(f"/api/events/{event}/holds", json={"seats": [free]}).json["id"]
    order = {"hold_id": hold, "payment_method": "pm_card_visa"}
    return client.post("/api/bookings", json=order).json["id"]


@pytest.fixture(scope="module")
def messages(shop, tmp_path_factory):
    """A file with the messages of the shop. The confirmation of the cancelled booking is the last
    one, as if it had been a dead letter."""
    process, broker = shop.extensions["process"], memory.Broker(partitions=1)
    relay = Relay(process.settings.database_url, broker, threading.Event())
    with psycopg.connect(relay.url, autocommit=True, row_factory=namedtuple_row) as connection:
        while relay.send_batch(connection):
            pass
    group = GROUPS["recommendations"]
    source = broker.source("recommendations", group.TOPICS)
    consumer("recommendations", group, process, source, process.db.recommendations).step()
    bookings = broker.logs["bookings", 0]
    cancelled = bookings[-1].key
    bookings.sort(key=lambda record: (record.key, type_of(record)) == (cancelled, CONFIRMED))
    file = tmp_path_factory.mktemp("messages") / "logs"
    file.write_bytes(pickle.dumps(dict(broker.logs)))
    return file


CONFIRMED = b"booking.confirmed"


def type_of(record):
    return dict(record.headers)["ce_type"]


@pytest.fixture
def serve(messages, database_url_of, lab_services, tmp_path):
    """A function: serve a copy of the service with a fault, or without any, and return its URL."""
    processes = []

    def serve(fault=None):
        shutil.copytree(HERE.path / "extracted", tmp_path / "extracted")
        if fault:
            patch = ["patch", "-p1", "--silent", "--forward", "-i", str(FAULTS[fault])]
            subprocess.run(patch, cwd=tmp_path, check=True)
        environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join([str(tmp_path), str(HERE.path)]),
            "DATABASE_URL": database_url_of("recommendations"),
            "SESSION_PUBLIC_KEYS": lab_services.session_public_keys,
            "LOG_LEVEL": "ERROR",
        }
        command = [sys.executable, str(SERVING), str(messages)]
        process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
        processes.append(process)
        return f"http://127.0.0.1:{process.stdout.readline().strip()}"

    yield serve
    for process in processes:
        process.kill()
        process.communicate()


@pytest.fixture
def report(shop, monkeypatch):
    """A function: (exit code, {figure: number}) of the drift report against a URL."""
    monkeypatch.setattr(drift, "PAUSE", 0)

    def report(url):
        words = ["drift", "--against", url, "--sample", str(SAMPLE)]
        done = shop.test_cli_runner().invoke(args=words)
        pairs = (each.split(": ") for each in done.output.splitlines()[-1].split(", "))
        return done.exit_code, {name: int(number) for name, number in pairs}

    return report


def test_the_service_answers_as_the_monolith(serve, report):
    url = serve()

    assert report(url) == (0, {"compared": SAMPLE, "equal": SAMPLE, "late": 0, "differing": 0})


def test_ten_faults_are_planted():
    assert len(FAULTS) == 10


@pytest.mark.parametrize("fault", sorted(FAULTS))
def test_the_drift_report_finds_a_planted_fault(serve, report, fault):
    url = serve(fault)

    exit_code, figures = report(url)

    assert (exit_code, figures["compared"]) == (1, SAMPLE)
    assert figures["differing"] > 0
