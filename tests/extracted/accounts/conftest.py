"""Accounts in this process: the application and its commands, and the relay of its database."""

import threading

import psycopg
import pytest
from psycopg.rows import namedtuple_row

from extracted.accounts.app import create_app
from extracted.accounts.config import from_environment
from kit.message import read
from kit.relay import Relay

PASSWORD = "correct horse"


@pytest.fixture
def environ(database_url_of, lab_services):
    return {
        "DATABASE_URL": database_url_of("accounts"),
        "SESSION_KEY": lab_services.session_key,
        "SESSION_PUBLIC_KEYS": lab_services.session_public_keys,
        "LOG_LEVEL": "ERROR",
    }


@pytest.fixture
def app(environ):
    app = create_app(from_environment(environ))
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
def sign_up(app, command):
    """A function: register an account with a role and return a signed-in client."""

    def sign_up(name="somebody", role="customer"):
        client = app.test_client()
        account = {"email": f"{name}@encore.example", "password": PASSWORD}
        client.id = client.post("/api/accounts", json={**account, "name": name}).json["id"]
        if role == "organiser":
            command("grant-organiser", account["email"])
        assert client.post("/api/sessions", json=account).status_code == 201
        return client

    return sign_up


@pytest.fixture
def fan(sign_up):
    return sign_up("fan")


@pytest.fixture
def rows(environ):
    """A function: the rows of a query on the service's database."""

    def rows(sql):
        with psycopg.connect(environ["DATABASE_URL"]) as connection:
            return connection.execute(sql).fetchall()

    return rows


@pytest.fixture
def published(environ, broker):
    """A function: relay what is recorded; it returns all messages of the topic in order."""

    def published():
        url = environ["DATABASE_URL"]
        options = {"autocommit": True, "row_factory": namedtuple_row}
        relay = Relay(url, broker, threading.Event())
        with psycopg.connect(relay.url, **options) as connection:
            relay.send_batch(connection)
        sent = broker.logs["accounts", 0]
        return [read(each.topic, each.key, each.value, each.headers) for each in sent]

    return published
