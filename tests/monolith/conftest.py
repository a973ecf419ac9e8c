"""The monolith in this process, on a fresh database and the lab's real services."""

import json
import threading
import urllib.request
from datetime import UTC, datetime, timedelta
from functools import partial
from types import SimpleNamespace

import psycopg
import pytest
from psycopg.rows import namedtuple_row

from extracted.kit import memory
from extracted.kit.relay import Relay
from extracted.kit.worker import consumer
from monolith.app import create_app
from monolith.catalog import service as catalog
from monolith.catalog.model import Section, Venue
from monolith.config import parse
from monolith.groups import GROUPS
from monolith.refusals import Unavailable

PASSWORD = "correct horse"


@pytest.fixture
def environ(lab_services, database_url):
    return {
        "DATABASE_URL": database_url,
        "STRIPE_API_BASE": lab_services.stripe_api_base,
        "STRIPE_API_KEY": lab_services.stripe_api_key,
        "SESSION_KEY": lab_services.session_key,
        "SESSION_PUBLIC_KEYS": lab_services.session_public_keys,
        "LOG_LEVEL": "ERROR",
    }


@pytest.fixture
def app(environ):
    app = create_app(parse(environ))
    yield app
    app.extensions["encore"].db.dispose()


@pytest.fixture
def process(app):
    return app.extensions["encore"]


@pytest.fixture
def client(app):
    return app.test_client()


@pytest.fixture
def sign_up(app):
    """Make an account with a role and answer a client that is signed in as it."""

    def sign_up(name="somebody", role="customer"):
        client = app.test_client()
        email = f"{name}@encore.example"
        client.id = client.post("/api/accounts", json={"email": email, "password": PASSWORD, "name": name}).json["id"]
        if role == "organiser":
            app.test_cli_runner().invoke(args=["grant-organiser", email])
        assert client.post("/api/sessions", json={"email": email, "password": PASSWORD}).status_code == 201
        return client

    return sign_up


@pytest.fixture
def fan(sign_up):
    return sign_up("fan")


@pytest.fixture
def make_event(process):
    """Add an event at a venue of its own; answer it with .id, .venue_id and the ids of its .seats."""
    made = iter(range(1000))

    def make_event(sections=(("Stalls", 2, 5, 4500),), starts_at=None, city="Lisbon", title="Small Hours", artist="Paper Lanterns"):
        venue_id = f"venue-{next(made)}"
        parts = [
            Section(id=f"{venue_id}-{position}", venue_id=venue_id, position=position, name=name, rows=rows, seats_per_row=seats)
            for position, (name, rows, seats, _) in enumerate(sections)
        ]
        with process.db.transaction() as session:
            session.add(Venue(id=venue_id, name="Lantern Hall", city=city, country="Portugal", sections=parts))
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
        with process.db.reading() as session:
            seats = [seat.id for seat in catalog.store.seats(session, event_id)]
        return SimpleNamespace(id=event_id, venue_id=venue_id, seats=seats)

    return make_event


@pytest.fixture
def event(make_event):
    return make_event()


@pytest.fixture
def buy():
    """Hold seats of an event and book them; answer the booking."""

    def buy(client, event, seats, card="pm_card_visa", headers=None):
        held = client.post(f"/api/events/{event.id}/holds", json={"seats": seats})
        assert held.status_code == 201, held.json
        booked = client.post("/api/bookings", json={"hold_id": held.json["id"], "payment_method": card}, headers=headers)
        assert booked.status_code == 201, booked.json
        return booked.json

    return buy


@pytest.fixture
def broker():
    """A broker in memory, with a log for each topic's only partition."""
    return memory.Broker(partitions=1)


@pytest.fixture
def catch_up(process, broker):
    """Take what was said to the broker, and have every group hear it, as relay and worker do beside the web processes."""

    def listener(group, part):
        return consumer(group, part, process, broker.source(group, part.TOPICS), partial(process.db.transaction, group), away=(Unavailable,))

    consumers = [listener(group, part) for group, part in GROUPS.items()]
    relay = Relay(process.settings.database_url, broker, threading.Event())

    def catch_up():
        with psycopg.connect(relay.url, autocommit=True, row_factory=namedtuple_row) as connection:
            while relay.pass_on(connection):
                pass
        for each in consumers:
            each.step()

    return catch_up


@pytest.fixture
def said(catch_up, broker):
    """[(type, data)] of what is on a topic, oldest first, once all that was recorded is there."""

    def said(topic):
        catch_up()
        return [(dict(record.headers)["ce_type"].decode(), json.loads(record.value)) for record in broker.logs[topic, 0]]

    return said


@pytest.fixture
def ledger(lab_services):
    """What the payment provider did for a hold: [(charge or refund, amount)]."""

    def ledger(hold_id=None):
        items, after = [], ""
        while after is not None:
            with urllib.request.urlopen(f"{lab_services.stripe_api_base}/_sandbox/ledger?limit=100{after}") as answer:
                page = json.load(answer)
            items += page["items"]
            after = f"&after={page['next']}" if page["next"] else None
        return [(item["kind"], item["amount"]) for item in items if hold_id is None or item["metadata"].get("hold_id") == hold_id]

    return ledger
