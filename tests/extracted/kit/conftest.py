"""A database with an outbox, an inbox and a table for effects, made for one test."""

import secrets
import threading
from contextlib import contextmanager

import psycopg
import pytest
from psycopg.rows import namedtuple_row
from sqlalchemy import Column, Integer, MetaData, String, Table, create_engine
from sqlalchemy.orm import Session

from extracted.kit import kafka as kit_kafka
from extracted.kit import topics
from extracted.kit.relay import Relay

EFFECTS = Table("effects", MetaData(), Column("key", String), Column("number", Integer))


class Database:
    def __init__(self, url):
        self.url, self.engine = url, create_engine(url)

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
def pass_on(database):
    """Let a relay take over what waits to a broker, once."""

    def pass_on(broker):
        url = database.url.replace("+psycopg", "")
        with psycopg.connect(url, autocommit=True, row_factory=namedtuple_row) as connection:
            Relay(url, broker, threading.Event()).pass_on(connection)

    return pass_on


@pytest.fixture
def kafka(services):
    """The lab's Kafka, as a relay and a consumer see it; new_topic() makes one of a name of its own."""
    connection = {"bootstrap_servers": [services.settings["KAFKA_BOOTSTRAP_SERVERS"]]}
    broker = kit_kafka.Broker(connection)

    def new_topic():
        name = f"topic-{secrets.token_hex(4)}"
        assert topics.make(connection, {name: {"partitions": 3, "config": {}}}) == [name]
        return name

    broker.new_topic = new_topic
    yield broker
    broker.close()
