"""Payments in this process: the groups and the relay of its worker, the application, and the lab's
payment sandbox."""

import json
import threading
import urllib.request
import uuid
from datetime import timedelta

import psycopg
import pytest
from psycopg.rows import namedtuple_row
from sqlalchemy import text

from extracted.payments.app import create_app
from extracted.payments.config import for_web, for_worker
from extracted.payments.worker import GROUPS, Process
from kit.checks import as_text
from kit.message import read
from kit.relay import Relay

TIME_TO_PAY = timedelta(minutes=15)


@pytest.fixture
def environ(database_url_of, lab_services):
    return {
        "DATABASE_URL": database_url_of("payments"),
        "KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1",
        "STRIPE_API_BASE": lab_services.stripe_api_base,
        "STRIPE_API_KEY": lab_services.stripe_api_key,
        "SESSION_PUBLIC_KEYS": lab_services.session_public_keys,
        "LOG_LEVEL": "ERROR",
    }


@pytest.fixture
def process(environ):
    process = Process(for_worker(environ))
    yield process
    process.database.dispose()


@pytest.fixture
def app(environ):
    app = create_app(for_web(environ))
    yield app
    app.extensions["process"].database.dispose()


@pytest.fixture
def deliver(consumed_by, process):
    """A function: publish (topic, type, changes to the sample); one or all groups consume."""
    return consumed_by(GROUPS, process, process.database)


@pytest.fixture
def account(deliver):
    """The id of a new account, which the payment provider knows."""
    id = uuid.uuid4().hex
    deliver(("accounts", "account.registered", {"id": id}))
    return id


@pytest.fixture
def request_booking(deliver, process):
    """A function: publish that a booking was requested; payments consumes it. Returns the booking's
    payload."""

    def request_booking(account_id, **changes):
        now = process.clock()
        booking = {
            "id": uuid.uuid4().hex,
            "hold_id": uuid.uuid4().hex,
            "account_id": account_id,
            "total": 4500,
            "created_at": as_text(now),
            "pay_by": as_text(now + TIME_TO_PAY),
            **changes,
        }
        deliver(("bookings", "booking.requested", booking))
        return booking

    return request_booking


@pytest.fixture
def order(request_booking, account):
    """A function: the same for the account, which pays with this card."""
    return lambda card="pm_card_visa", **changes: request_booking(
        account, payment_method=card, **changes
    )


@pytest.fixture
def end(deliver):
    """A function: publish that a booking is declined or cancelled; payments consumes it."""

    def end(booking, how):
        state = {name: booking[name] for name in ("id", "hold_id", "account_id", "total")}
        deliver(("bookings", f"booking.{how}", state | {"created_at": booking["created_at"]}))

    return end


@pytest.fixture
def published(environ, broker):
    """A function: let the relay publish what is recorded; returns the messages about a booking."""
    relay = Relay(environ["DATABASE_URL"], broker, threading.Event())

    def published(booking):
        with psycopg.connect(relay.url, autocommit=True, row_factory=namedtuple_row) as connection:
            relay.send_batch(connection)
        records = broker.logs["payments", 0]
        messages = [read(each.topic, each.key, each.value, each.headers) for each in records]
        return [message for message in messages if message.key == booking["id"]]

    return published


@pytest.fixture
def outcome(published):
    """A function: what was published about a booking's money: authorised, declined, refunded."""
    return lambda booking: [message.type.removeprefix("payment.") for message in published(booking)]


@pytest.fixture
def becomes(deliver, eventually, outcome):
    """A function: wait until this was published about a booking's money."""

    def becomes(booking, *expected):
        eventually(lambda: deliver() or outcome(booking) == list(expected))

    return becomes


@pytest.fixture
def paid(sign_in):
    """A function: [(kind, amount, status)] of a booking, as its account sees it."""

    def paid(booking):
        path = f"/api/payments?booking_id={booking['id']}"
        items = sign_in(booking["account_id"]).get(path).json["items"]
        return [(each["kind"], each["amount"], each["status"]) for each in items]

    return paid


@pytest.fixture
def ledger(lab_services):
    """A function: [(charge or refund, amount)] at the payment provider, of a booking's hold."""

    def ledger(booking):
        items, after = [], ""
        while after is not None:
            with urllib.request.urlopen(
                f"{lab_services.stripe_api_base}/_sandbox/ledger?limit=100{after}"
            ) as answer:
                page = json.load(answer)
            items += page["items"]
            after = f"&after={page['next']}" if page["next"] else None
        return [
            (item["kind"], item["amount"])
            for item in items
            if item["metadata"].get("hold_id") == booking["hold_id"]
        ]

    return ledger


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


@pytest.fixture
def monolith(database_url):
    """A connection to an empty database of the monolith's."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        yield connection


@pytest.fixture
def service_url(database_url_of):
    return database_url_of("payments")


@pytest.fixture
def service(service_url):
    """A connection to an empty database of the service's."""
    with psycopg.connect(service_url, autocommit=True) as connection:
        yield connection


@pytest.fixture
def filled():
    """A function: store 5 customers, 9 payments and 4 inbox rows of payments, and one of another
    consumer."""

    def filled(connection):
        connection.execute(ROWS)

    return filled


ROWS = """
insert into customers select 'a' || n, 'cus_' || n from generate_series(1, 5) n;
insert into payments (id, booking_id, account_id, kind, amount, currency, status, created_at,
  provider_id, version)
select 'p' || n, 'b' || n, case when n < 9 then 'a1' end, 'charge', 4500 + n,
  case when n < 6 then 'EUR' else 'USD' end, 'succeeded',
  timestamptz '2030-01-01Z' + n * interval '1 microsecond', case when n < 9 then 'pi_' || n end, 1
from generate_series(1, 9) n;
insert into inbox (consumer, message_id) select 'payments', 'm' || n from generate_series(1, 4) n;
insert into inbox (consumer, message_id) values ('bookings', 'm5')"""
