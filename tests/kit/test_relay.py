"""All that is recorded reaches the broker, in order for each key; what was rolled back does not."""

import threading
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from psycopg.rows import namedtuple_row

from kit import memory, relay
from kit.message import Message, read
from kit.outbox import record
from kit.relay import Relay

ATTEMPTS = """
select count(*), max(query_start) from pg_stat_activity
where datname = current_database() and query like 'select pg_try_advisory_lock%%'"""


@pytest.fixture
def broker():
    return memory.Broker()


@pytest.fixture
def start_relay(database, broker):
    """Start a relay; all are stopped at the end."""
    running = []

    def start(broker=broker):
        stop = threading.Event()
        url = database.url.replace("+psycopg", "")
        thread = threading.Thread(target=Relay(url, broker, stop).run)
        thread.start()
        running.append((stop, thread))
        return stop

    yield start
    for stop, _ in running:
        stop.set()
    for _, thread in running:
        thread.join(10)


@pytest.fixture
def record_number(database):
    """Record a message about a number in a transaction of its own."""

    def record_number(key, number):
        with database.transaction() as session:
            record(session, about(key, number))

    return record_number


def about(key, number):
    return Message("things", "thing.happened", key, {"number": number})


def numbers_at(broker):
    """{key: [number, ...]} of what the broker has, in its order."""
    numbers = {}
    for (topic, _), log in broker.logs.items():
        for each in log:
            message = read(topic, each.key, each.value, each.headers)
            numbers.setdefault(message.key, []).append(message.data["number"])
    return numbers


def unpublished(database):
    return database.rows("select count(*) from outbox where published_at is null")[0][0]


def test_committed_messages_arrive_in_order_and_no_others(
    database, broker, start_relay, record_number, eventually
):
    start_relay()
    for number in range(20):
        record_number(f"key {number % 3}", number)
    with pytest.raises(ZeroDivisionError), database.transaction() as session:
        record(session, about("key 0", 99))
        raise ZeroDivisionError

    eventually(lambda: unpublished(database) == 0)

    assert numbers_at(broker) == {f"key {key}": list(range(key, 20, 3)) for key in range(3)}


def test_a_message_arrives_as_it_was_recorded(database, broker, send_batch):
    recorded = about("key", 1)
    with database.transaction() as session:
        record(session, recorded, snapshot=True)

    send_batch(broker)

    (log,) = (log for log in broker.logs.values() if log)
    arrived = read("things", log[0].key, log[0].value, log[0].headers)
    assert (arrived.id, arrived.data, arrived.snapshot) == (recorded.id, recorded.data, True)
    assert database.rows("select recorded_at from outbox") == [(arrived.recorded_at,)]


def test_dying_before_the_mark_repeats_the_same_id(database, record_number, send_batch):
    class Deadly(memory.Broker):
        is_deadly = True

        def send(self, messages):
            acknowledged = super().send(messages)
            if self.is_deadly:
                raise SystemExit
            return acknowledged

    broker = Deadly(partitions=1)
    record_number("key", 1)
    with pytest.raises(SystemExit):
        send_batch(broker)
    broker.is_deadly = False

    send_batch(broker)
    send_batch(broker)

    assert numbers_at(broker) == {"key": [1, 1]}
    assert len({dict(each.headers)["ce_id"] for each in broker.logs["things", 0]}) == 1


def test_nothing_is_lost_while_the_broker_is_away(
    database, broker, start_relay, record_number, eventually
):
    broker.is_away = True
    start_relay()
    for number in range(5):
        record_number("key", number)
    eventually(lambda: unpublished(database) == 5)

    broker.is_away = False

    eventually(lambda: unpublished(database) == 0)
    assert numbers_at(broker) == {"key": [0, 1, 2, 3, 4]}


def test_a_failed_key_stops_and_the_others_continue(
    database, start_relay, record_number, eventually, monkeypatch
):
    monkeypatch.setattr(relay, "BATCH", 2)

    class Choosy(memory.Broker):
        refused = "key 1"

        def _append(self, message):
            return message.key != self.refused and super()._append(message)

    broker = Choosy()
    for number in range(12):
        record_number("key 1" if number < 5 else f"key {number % 3}", number)
    start_relay(broker)

    eventually(lambda: unpublished(database) == 7)
    broker.refused = None

    eventually(lambda: unpublished(database) == 0)
    assert numbers_at(broker) == {
        "key 0": [6, 9],
        "key 1": [0, 1, 2, 3, 4, 7, 10],
        "key 2": [5, 8, 11],
    }


def test_failed_keys_are_logged_once_a_pause(database, broker, start_relay, record_number, caplog):
    broker.is_away = True
    record_number("key", 1)
    url = database.url.replace("+psycopg", "")
    with psycopg.connect(url, autocommit=True, row_factory=namedtuple_row) as connection:
        alone = Relay(url, broker, threading.Event())

        for _ in range(3):
            alone.send_batch(connection)

    assert [record.message for record in caplog.records].count("not acknowledged") == 1


def test_the_server_gives_up_a_silent_relay(database, broker):
    with Relay(database.url.replace("+psycopg", ""), broker, threading.Event()).connect() as found:
        settings = [
            found.execute(f"show {name}").fetchone()[0]
            for name in ("tcp_user_timeout", "tcp_keepalives_idle")
        ]

    assert settings == ["10000", "5"]


def test_a_standby_takes_over_when_the_leader_ends(
    database, broker, start_relay, record_number, eventually
):
    first = start_relay()
    record_number("key", 1)
    eventually(lambda: unpublished(database) == 0)
    start_relay()

    first.set()
    record_number("key", 2)

    eventually(lambda: unpublished(database) == 0)
    assert numbers_at(broker) == {"key": [1, 2]}


def test_a_standby_sends_nothing_while_another_leads(
    database, start_relay, record_number, eventually
):
    leads, gate = threading.Event(), threading.Event()

    class Slow(memory.Broker):
        def send(self, messages):
            leads.set()
            gate.wait(30)
            return super().send(messages)

    broker = Slow()
    record_number("key", 1)
    start_relay(broker)
    assert leads.wait(30)
    start_relay(broker)

    # the standby has tried once, and then again
    rows = eventually(lambda: [row for row in database.rows(ATTEMPTS) if row[0] == 1])
    ((standbys, first_attempt),) = rows
    eventually(lambda: database.rows(ATTEMPTS)[0][1] > first_attempt)
    gate.set()

    eventually(lambda: unpublished(database) == 0)
    assert (standbys, numbers_at(broker)) == (1, {"key": [1]})


def test_a_stopping_relay_finishes_only_its_round(database, record_number):
    stop = threading.Event()

    class Stopping(memory.Broker):
        def send(self, messages):
            stop.set()
            return super().send(messages)

    broker = Stopping()
    for number in range(3):
        record_number("key", number)

    Relay(database.url.replace("+psycopg", ""), broker, stop).run()

    assert (unpublished(database), numbers_at(broker)) == (2, {"key": [0]})


def test_commits_out_of_order_lose_no_message(database, broker, start_relay, eventually):
    start_relay()

    def slowly(number):
        with database.transaction() as session:
            record(session, about(f"key {number}", number))
            session.connection().exec_driver_sql(f"select pg_sleep({0.05 * (number % 7)})")

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(slowly, range(60)))

    eventually(lambda: unpublished(database) == 0)
    assert numbers_at(broker) == {f"key {number}": [number] for number in range(60)}
