"""Recommendations in this process: the application and the consumer of its copy."""

from datetime import UTC, datetime

import pytest

from extracted.recommendations.app import create_app
from extracted.recommendations.config import for_web
from extracted.recommendations.worker import GROUPS

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
