"""Sessions of the database: bounds, and connections that die."""

import os
import socket

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from kit import database
from kit.database import Database


@pytest.fixture
def make_database(database_url):
    made = []

    def make_database():
        made.append(Database(database_url, connections=2))
        return made[-1]

    yield make_database
    for each in made:
        each.dispose()


def test_every_statement_of_a_session_has_a_bound(make_database):
    db = make_database()

    with db.reading() as read, db.transaction() as write:
        for session in (read, write):
            for name, milliseconds in database.BOUNDS.items():
                setting = text("select setting from pg_settings where name = :name")
                assert int(session.scalar(setting, {"name": name})) == milliseconds > 0


def test_both_ends_give_up_a_silent_connection(make_database):
    db = make_database()

    for sessions in (db.reading, db.transaction):
        with sessions() as session:
            for name, value in database.SERVER_NETWORK.items():
                setting = text("select setting from pg_settings where name = :name")
                assert int(session.scalar(setting, {"name": name})) == value > 0
            descriptor = session.connection().connection.dbapi_connection.fileno()
            with socket.socket(fileno=os.dup(descriptor)) as client:
                timeout = client.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT)
            assert timeout == database.NETWORK["tcp_user_timeout"] > 0


def test_waiting_for_a_lock_ends_with_an_error(make_database, monkeypatch):
    monkeypatch.setitem(database.BOUNDS, "lock_timeout", 50)
    db = make_database()
    lock = text("select pg_advisory_xact_lock(7, 7)")

    with db.transaction() as holder, pytest.raises(OperationalError), db.transaction() as waiter:
        holder.execute(lock)
        waiter.execute(lock)


def test_a_connection_that_died_while_idle_is_replaced(make_database, monkeypatch):
    db = make_database()
    with db.transaction() as session:
        idle = session.scalar(text("select pg_backend_pid()"))
    with db.reading() as session:
        session.execute(text(f"select pg_terminate_backend({idle})"))
    monkeypatch.setattr(database, "IDLE_SECONDS", -1.0)

    with db.transaction() as session:
        assert session.scalar(text("select pg_backend_pid()")) != idle
