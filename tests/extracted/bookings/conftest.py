"""Bookings in this process: the application, the groups of its worker and the relay of its
database. The catalog and payments are imitated."""

import json
import threading
import uuid
from datetime import timedelta
from types import SimpleNamespace

import psycopg
import pytest
from psycopg.rows import namedtuple_row
from sqlalchemy import text

from extracted.bookings.app import create_app
from extracted.bookings.config import for_web
from extracted.bookings.worker import GROUPS
from kit.checks import as_text
from kit.message import Message, read
from kit.relay import Relay
from kit.worker import consumer

IS_LEFT = "select exists (select from outbox where published_at is null) as is_left"


@pytest.fixture
def environ(database_url_of, lab_services):
    return {
        "DATABASE_URL": database_url_of("bookings"),
        "SESSION_PUBLIC_KEYS": lab_services.session_public_keys,
        "LOG_LEVEL": "ERROR",
    }


@pytest.fixture
def app(environ):
    app = create_app(for_web(environ))
    yield app
    app.extensions["process"].database.dispose()


@pytest.fixture
def process(app):
    return app.extensions["process"]


@pytest.fixture
def client(app):
    return app.test_client()


@pytest.fixture
def command(app):
    """A function: run a command of the application; it returns what is printed."""

    def command(*words):
        ended = app.test_cli_runner().invoke(args=words)
        assert ended.exit_code == 0, ended.output
        return ended.output

    return command


@pytest.fixture
def sign_up(sign_in, process):
    """A function: a client with a session of a new account, as accounts signs it."""

    def sign_up(name="somebody", **changes):
        id = uuid.uuid4().hex
        claims = {"exp": process.clock() + timedelta(hours=12), **changes}
        client = sign_in(id, sid=f"session of {name}", **claims)
        client.id = id
        return client

    return sign_up


@pytest.fixture
def fan(sign_up):
    return sign_up("fan")


@pytest.fixture
def consumers(process, broker):
    """{group: the consumer of the worker}"""
    return {
        group: consumer(
            group, module, process, broker.source(group, module.TOPICS), process.database
        )
        for group, module in GROUPS.items()
    }


@pytest.fixture
def schedule(process, broker):
    """A function: publish a new event, as the catalog does; nobody has consumed it yet. Returns its
    id and seat ids."""

    def schedule(sections=(("Stalls", 2, 5, 4500),), starts_at=None, currency="EUR", version=1):
        now = process.clock()
        event_id = uuid.uuid4().hex
        plan = [_section(*section) for section in sections]
        data = {
            "id": event_id,
            "title": "Small Hours",
            "artist": "Paper Lanterns",
            "genre": "indie",
            "starts_at": as_text(starts_at or now + timedelta(days=30)),
            "currency": currency,
            "venue": {"id": "v", "name": "Lantern Hall", "city": "Lisbon", "country": "Portugal"},
            "sections": plan,
            "aggregate_version": version,
        }
        broker.send([Message("catalog", "event.scheduled", event_id, data, recorded_at=now)])
        seats = [seat["id"] for section in plan for seat in section["seats"]]
        return SimpleNamespace(id=event_id, seats=seats, data=data)

    return schedule


def _section(name, rows, seats_per_row, price):
    seats = [
        {"id": uuid.uuid4().hex, "row": chr(65 + row), "number": number + 1}
        for row in range(rows)
        for number in range(seats_per_row)
    ]
    return {"name": name, "price": price, "seats": seats}


@pytest.fixture
def make_event(schedule, consumers):
    """A function: the same, for an event that the copy has."""

    def make_event(**more):
        event = schedule(**more)
        consumers["bookings-catalog"].step()
        return event

    return make_event


@pytest.fixture
def event(make_event):
    return make_event()


class Payments:
    """What the service answers to the messages of bookings: only one card is good."""

    REASONS = {"payment.declined": "card-declined", "payment.refunded": "booking-cancelled"}

    def __init__(self, broker):
        self.broker = broker
        self.source = broker.source("payments", ["bookings"])

    def step(self):
        for record in self.source.poll():
            message = read(record.topic, record.key, record.value, record.headers)
            if type := self.answer(message):
                data = self.payload(type, message.data)
                now = message.recorded_at
                self.broker.send([Message("payments", type, message.key, data, recorded_at=now)])
            self.source.commit(record)

    def answer(self, message):
        """The type of the answer to a message, or None."""
        booking = message.data
        if message.snapshot or booking["total"] == 0 or "paid_at" in booking:
            return None
        if message.type == "booking.requested":
            is_good = booking["payment_method"] == "pm_card_visa"
            return "payment.authorised" if is_good else "payment.declined"
        return "payment.refunded" if message.type == "booking.cancelled" else None

    def payload(self, type, booking):
        return {
            "id": uuid.uuid4().hex,
            "booking_id": booking["id"],
            "amount": booking["total"],
            "currency": booking["currency"],
            "reason": self.REASONS.get(type),
            "aggregate_version": 2 if type == "payment.refunded" else 1,
        }


@pytest.fixture
def catch_up(environ, broker, consumers):
    """A function: publish what is in the outbox, and let payments and every group consume it, as
    relay and workers do, until nothing more is published."""
    payments = Payments(broker)
    relay = Relay(environ["DATABASE_URL"], broker, threading.Event())

    def catch_up():
        is_left = True
        with psycopg.connect(relay.url, autocommit=True, row_factory=namedtuple_row) as connection:
            while is_left:
                relay.send_batch(connection)
                for each in (payments, *consumers.values()):
                    each.step()
                is_left = connection.execute(IS_LEFT).fetchone().is_left

    return catch_up


@pytest.fixture
def published(catch_up, broker):
    """A function: relay all recorded messages and return [(type, payload)] of a topic in order."""

    def published(topic):
        catch_up()
        return [
            (dict(record.headers)["ce_type"].decode(), json.loads(record.value))
            for record in broker.logs[topic, 0]
        ]

    return published


@pytest.fixture
def buy(catch_up):
    """A function: hold seats of an event, book them, and return the booking with its outcome."""

    def buy(client, event, seats, card="pm_card_visa", headers=None):
        held = client.post(f"/api/events/{event.id}/holds", json={"seats": seats})
        assert held.status_code == 201, held.json
        order = {"hold_id": held.json["id"], "payment_method": card}
        booked = client.post("/api/bookings", json=order, headers=headers)
        assert booked.status_code == 201, booked.json
        catch_up()
        return client.get(f"/api/bookings/{booked.json['id']}").json

    return buy


@pytest.fixture
def rows(process):
    """A function: the rows that a query finds."""

    def rows(sql):
        with process.database.reading() as session:
            return session.execute(text(sql)).all()

    return rows


@pytest.fixture
def change(process):
    """A function: execute a statement."""

    def change(sql):
        with process.database.transaction() as session:
            session.execute(text(sql))

    return change
