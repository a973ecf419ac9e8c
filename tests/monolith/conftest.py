"""The monolith in this process, on a fresh database; accounts and bookings are imitated."""

import json
import threading
import uuid
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import jwt
import psycopg
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from psycopg.rows import namedtuple_row

from kit import memory
from kit.checks import as_text
from kit.message import Message
from kit.relay import Relay
from kit.tokens import ALGORITHM, COOKIE, ISSUER, parse_key
from kit.worker import consumer
from monolith.app import create_app
from monolith.catalog import service as catalog
from monolith.catalog.model import Section, Venue
from monolith.config import from_environment
from monolith.groups import GROUPS, WORKS_AS

SEAT = {"section": "Stalls", "row": "A", "number": 1, "price": 4500}
IS_LEFT = "select exists (select from outbox where published_at is null) as is_left"


@pytest.fixture
def environ(lab_services, database_url):
    return {
        "DATABASE_URL": database_url,
        "SESSION_PUBLIC_KEYS": lab_services.session_public_keys,
        "LOG_LEVEL": "ERROR",
    }


@pytest.fixture
def app(environ):
    app = create_app(from_environment(environ))
    yield app
    app.extensions["process"].db.dispose()


@pytest.fixture
def process(app):
    return app.extensions["process"]


@pytest.fixture
def client(app):
    return app.test_client()


@pytest.fixture
def sign_up(app, process, lab_services):
    """A function: a client with a session of a new account in a role, as accounts signs it."""
    key_id, key = parse_key(lab_services.session_key, Ed25519PrivateKey.from_private_bytes)

    def sign_up(name="somebody", role="customer", **changes):
        client = app.test_client()
        client.id = uuid.uuid4().hex
        claims = {
            "sub": client.id,
            "sid": f"session of {name}",
            "role": role,
            "exp": process.clock() + timedelta(hours=12),
            "iss": ISSUER,
            "aud": ISSUER,
            **changes,
        }
        client.set_cookie(COOKIE, jwt.encode(claims, key, ALGORITHM, {"kid": key_id}))
        return client

    return sign_up


@pytest.fixture
def fan(sign_up):
    return sign_up("fan")


@pytest.fixture
def make_event(process):
    """A function: add an event at a new venue and return its id, venue_id and seat ids."""
    made = iter(range(1000))

    def make_event(
        sections=(("Stalls", 2, 5, 4500),),
        starts_at=None,
        city="Lisbon",
        title="Small Hours",
        artist="Paper Lanterns",
    ):
        venue_id = f"venue-{next(made)}"
        venue_sections = [
            Section(
                id=f"{venue_id}-{position}",
                venue_id=venue_id,
                position=position,
                name=name,
                rows=rows,
                seats_per_row=seats,
            )
            for position, (name, rows, seats, _) in enumerate(sections)
        ]
        with process.db.monolith.transaction() as session:
            session.add(
                Venue(
                    id=venue_id,
                    name="Lantern Hall",
                    city=city,
                    country="Portugal",
                    sections=venue_sections,
                )
            )
            session.flush()
            event_id = catalog.schedule(
                session,
                title=title,
                artist=artist,
                genre="indie",
                venue_id=venue_id,
                starts_at=starts_at or datetime.now(UTC) + timedelta(days=30),
                prices={name: price for name, _, _, price in sections},
                currency="EUR",
            )
        with process.db.monolith.reading() as session:
            (seats,) = catalog.store.seats_of(session, [event_id]).values()
        ids = [seat["id"] for seat in seats]
        return SimpleNamespace(id=event_id, venue_id=venue_id, seats=ids)

    return make_event


@pytest.fixture
def event(make_event):
    return make_event()


@pytest.fixture
def broker():
    """An in-memory broker with one partition per topic."""
    return memory.Broker(partitions=1)


@pytest.fixture
def sell(broker, catch_up, process):
    """A function: publish the state of a booking of an event, as bookings does; the worker consumes
    it. Returns the booking's id."""

    def sell(event, seats, type="booking.confirmed", *, id=None, version=2, snapshot=False):
        booking = {
            "id": id or uuid.uuid4().hex,
            "account_id": uuid.uuid4().hex,
            "event_id": event.id,
            "hold_id": uuid.uuid4().hex,
            "seats": [SEAT | {"id": seat} for seat in seats],
            "total": 4500 * len(seats),
            "currency": "EUR",
            "created_at": as_text(process.clock()),
            "aggregate_version": version,
        }
        now = process.clock()
        sent = Message("bookings", type, booking["id"], booking, recorded_at=now, snapshot=snapshot)
        broker.send([sent])
        catch_up()
        return booking["id"]

    return sell


@pytest.fixture
def catch_up(process, broker):
    """A function: publish what is in the outbox, and let every group consume it, until nothing more
    is published."""
    consumers = [
        consumer(
            group,
            module,
            process,
            broker.source(group, module.TOPICS),
            getattr(process.db, WORKS_AS[group]),
        )
        for group, module in GROUPS.items()
    ]
    relay = Relay(process.settings.database_url, broker, threading.Event())

    def catch_up():
        is_left = True
        with psycopg.connect(relay.url, autocommit=True, row_factory=namedtuple_row) as connection:
            while is_left:
                relay.send_batch(connection)
                for each in consumers:
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
