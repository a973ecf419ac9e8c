"""Recommendations in this process: the application and the consumer of its copy."""

from datetime import UTC, datetime, timedelta

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from extracted.recommendations.app import create_app
from extracted.recommendations.config import for_web
from extracted.recommendations.worker import GROUPS
from kit.tokens import ALGORITHM, COOKIE, ISSUER, parse_key

NOW = datetime(2030, 1, 1, tzinfo=UTC)


@pytest.fixture
def app(database_url_of, lab_services):
    settings = for_web(
        {
            "DATABASE_URL": database_url_of("recommendations"),
            "SESSION_PUBLIC_KEYS": lab_services.session_public_keys,
            "LOG_LEVEL": "ERROR",
        }
    )
    app = create_app(settings)
    app.extensions["process"].clock = lambda: NOW
    yield app
    app.extensions["process"].database.dispose()


@pytest.fixture
def database(app):
    return app.extensions["process"].database


@pytest.fixture
def deliver(app, consumed_by, database):
    """A function: publish (topic, type, changes to the sample); the copy takes them over."""
    return consumed_by(GROUPS, app.extensions["process"], database)


@pytest.fixture
def sign_in(app, lab_services):
    """A function: a client with a session token of an account; changes are claims."""
    key_id, key = parse_key(lab_services.session_key, Ed25519PrivateKey.from_private_bytes)

    def sign_in(account_id, *, signed_with=key, **changes):
        claims = {
            "sub": account_id,
            "sid": f"session of {account_id}",
            "role": "customer",
            "exp": NOW + timedelta(hours=1),
            "iss": ISSUER,
            "aud": ISSUER,
            **changes,
        }
        client = app.test_client()
        client.set_cookie(COOKIE, jwt.encode(claims, signed_with, ALGORITHM, {"kid": key_id}))
        return client

    return sign_in


@pytest.fixture
def recommended(sign_in):
    """A function: [(event id, score, because)] that the service recommends to an account."""

    def recommended(account_id):
        items = sign_in(account_id).get("/api/recommendations?limit=100").json["items"]
        return [(item["event"]["id"], item["score"], item["because"]) for item in items]

    return recommended


@pytest.fixture
def after(deliver):
    """A function: publish concerts, and confirmed bookings as (account, event); some of these are
    cancelled afterwards."""

    def after(*bookings, cancelled=()):
        events = sorted({event for _, event in (*bookings, *cancelled)})
        deliver(*(("catalog", "event.scheduled", {"id": event}) for event in events))
        left = list(cancelled)
        for number, (account_id, event_id) in enumerate(bookings):
            state = {"id": f"b{number}", "account_id": account_id, "event_id": event_id}
            deliver(("bookings", "booking.confirmed", state))
            if (account_id, event_id) in left:
                left.remove((account_id, event_id))
                deliver(("bookings", "booking.cancelled", state))

    return after
