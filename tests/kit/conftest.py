"""A database with an outbox, an inbox and a table for effects, for one test; and Kafka."""

import secrets
import threading
from contextlib import contextmanager
from datetime import UTC, datetime

import psycopg
import pytest
from psycopg.rows import namedtuple_row
from sqlalchemy import Column, Integer, MetaData, String, Table, create_engine
from sqlalchemy.orm import Session

from kit import kafka as kit_kafka
from kit import topics
from kit.message import Message
from kit.relay import Relay

EFFECTS = Table("effects", MetaData(), Column("key", String), Column("number", Integer))


class Database:
    def __init__(self, url):
        self.url = url
        self.engine = create_engine(url)

    @contextmanager
    def transaction(self):
        with Session(self.engine) as session, session.begin():
            yield session

    def rows(self, sql):
        with self.engine.connect() as connection:
            return connection.exec_driver_sql(sql).all()


@pytest.fixture
def effects():
    """The table that a handler writes to: key and number."""
    return EFFECTS


@pytest.fixture
def database(own_database_url):
    database = Database(own_database_url)
    EFFECTS.metadata.create_all(database.engine)
    yield database
    database.engine.dispose()


@pytest.fixture
def message():
    """Make a recorded message about a number."""

    def make(key="key", number=0, topic="things", type="thing.happened", **more):
        data = {"number": number}
        return Message(topic, type, key, data, recorded_at=datetime.now(UTC), **more)

    return make


@pytest.fixture
def send_batch(database):
    """Let a relay send one batch of the outbox to a broker."""

    def send_batch(broker):
        url = database.url.replace("+psycopg", "")
        with psycopg.connect(url, autocommit=True, row_factory=namedtuple_row) as connection:
            Relay(url, broker, threading.Event()).send_batch(connection)

    return send_batch


@pytest.fixture
def kafka(services):
    """The lab's Kafka, as a relay and a consumer use it; new_topic() creates a topic."""
    connection = {"bootstrap_servers": [services.settings["KAFKA_BOOTSTRAP_SERVERS"]]}
    broker = kit_kafka.Broker(connection)

    def new_topic(**config):
        name = f"topic-{secrets.token_hex(4)}"
        assert topics.create(connection, {name: {"partitions": 3, "config": config}}) == [name]
        return name

    broker.new_topic = new_topic
    yield broker
    broker.close()
