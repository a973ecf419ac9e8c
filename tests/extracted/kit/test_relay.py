"""What is recorded reaches the broker: everything, in order for each key, and what was rolled back never."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from extracted.kit import memory, relay
from extracted.kit.message import read
from extracted.kit.outbox import Fact, record
from extracted.kit.relay import Relay


@pytest.fixture
def broker():
    return memory.Broker()


@pytest.fixture
def relay_of(database, broker):
    """Start a relay; all are stopped at the end."""
    running = []

    def start(broker=broker):
        stop = threading.Event()
        thread = threading.Thread(target=Relay(database.url.replace("+psycopg", ""), broker, stop).run)
        thread.start()
        running.append((stop, thread))
        return stop

    yield start
    for stop, thread in running:
        stop.set()
        thread.join(10)


def said(broker):
    """{key: [number, ...]} of what the broker has, in its order."""
    by_key = {}
    for (topic, _), log in broker.logs.items():
        for each in log:
            message = read(topic, each.key, each.value, each.headers)
            by_key.setdefault(message.key, []).append(message.data["number"])
    return by_key


def say(database, key, number):
    with database.transaction() as session:
        record(session, Fact("things", "thing.happened", key, {"number": number}))


def unpublished(database):
    return database.rows("select count(*) from outbox where published_at is null")[0][0]


def test_everything_arrives_in_order_and_what_was_rolled_back_never(database, broker, relay_of, eventually):
    relay_of()
    for number in range(20):
        say(database, f"key {number % 3}", number)
    with pytest.raises(ZeroDivisionError), database.transaction() as session:
        record(session, Fact("things", "thing.happened", "key 0", {"number": 99}))
        raise ZeroDivisionError

    eventually(lambda: unpublished(database) == 0)

    assert said(broker) == {f"key {key}": list(range(key, 20, 3)) for key in range(3)}


def test_a_relay_that_dies_between_the_acknowledgement_and_the_mark_sends_again_under_the_same_id(database, pass_on):
    class Deadly(memory.Broker):
        is_deadly = True

        def send(self, messages):
            acknowledged = super().send(messages)
            if self.is_deadly:
                raise SystemExit
            return acknowledged

    broker = Deadly(partitions=1)
    say(database, "key", 1)
    with pytest.raises(SystemExit):
        pass_on(broker)
    broker.is_deadly = False

    pass_on(broker)
    pass_on(broker)

    assert said(broker) == {"key": [1, 1]}
    assert len({dict(each.headers)["ce_id"] for each in broker.logs["things", 0]}) == 1


def test_while_the_broker_is_away_nothing_is_lost_and_nothing_is_marked(database, broker, relay_of, eventually):
    broker.is_away = True
    relay_of()
    for number in range(5):
        say(database, "key", number)
    eventually(lambda: unpublished(database) == 5)

    broker.is_away = False

    eventually(lambda: unpublished(database) == 0)
    assert said(broker) == {"key": [0, 1, 2, 3, 4]}


def test_a_key_stops_at_its_first_failure_while_others_go_on_however_much_of_it_waits(database, relay_of, eventually, monkeypatch):
    monkeypatch.setattr(relay, "BATCH", 2)

    class Choosy(memory.Broker):
        refused = "key 1"

        def _append(self, message):
            return message.key != self.refused and super()._append(message)

    broker = Choosy()
    for number in range(12):
        say(database, "key 1" if number < 5 else f"key {number % 3}", number)
    relay_of(broker)

    eventually(lambda: unpublished(database) == 7)
    broker.refused = None

    eventually(lambda: unpublished(database) == 0)
    assert said(broker) == {"key 0": [6, 9], "key 1": [0, 1, 2, 3, 4, 7, 10], "key 2": [5, 8, 11]}


def test_of_two_relays_one_leads_and_the_other_takes_over(database, broker, relay_of, eventually):
    first = relay_of()
    say(database, "key", 1)
    eventually(lambda: unpublished(database) == 0)
    relay_of()

    first.set()
    say(database, "key", 2)

    eventually(lambda: unpublished(database) == 0)
    assert said(broker) == {"key": [1, 2]}


def test_while_one_relay_is_in_the_middle_of_sending_another_sends_nothing(database, relay_of, eventually):
    gate = threading.Event()

    class Slow(memory.Broker):
        def send(self, messages):
            gate.wait(30)
            return super().send(messages)

    broker = Slow()
    say(database, "key", 1)
    relay_of(broker)
    relay_of(broker)
    tries = "select count(*), max(query_start) from pg_stat_activity where datname = current_database() and query like 'select pg_try_advisory_lock%%'"

    ((waiting, first),) = eventually(lambda: [row for row in database.rows(tries) if row[0] == 1])
    eventually(lambda: database.rows(tries)[0][1] > first)  # the other one has tried again, and waits on
    gate.set()

    eventually(lambda: unpublished(database) == 0)
    assert (waiting, said(broker)) == (1, {"key": [1]})


def test_a_relay_that_is_told_to_stop_ends_with_the_round_that_it_is_in(database):
    stop = threading.Event()

    class Stopping(memory.Broker):
        def send(self, messages):
            stop.set()
            return super().send(messages)

    broker = Stopping()
    for number in range(3):
        say(database, "key", number)

    Relay(database.url.replace("+psycopg", ""), broker, stop).run()

    assert (unpublished(database), said(broker)) == (2, {"key": [0]})


def test_transactions_that_end_out_of_order_lose_nothing(database, broker, relay_of, eventually):
    relay_of()

    def slow(number):
        with database.transaction() as session:
            record(session, Fact("things", "thing.happened", f"key {number}", {"number": number}))
            session.connection().exec_driver_sql(f"select pg_sleep({0.05 * (number % 7)})")

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(slow, range(60)))

    eventually(lambda: unpublished(database) == 0)
    assert said(broker) == {f"key {number}": [number] for number in range(60)}
