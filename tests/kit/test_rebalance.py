"""A member that joins amid a batch takes partitions over: nothing is lost or done twice, and each
key stays in order."""

import threading
import uuid
from collections import defaultdict

import pytest
from sqlalchemy import insert, text

from kit.consumer import Consumer

KEYS = 12
BATCH = 240


@pytest.fixture
def start_member(database, kafka, effects):
    """Start a member of a group, which writes down its name with each effect; all leave at the
    end."""
    running = []
    group = uuid.uuid4().hex

    def start(name, topic, seconds=0.0):
        stop = threading.Event()

        def handle(session, message):
            stop.wait(seconds)
            session.execute(insert(effects).values(key=message.key, number=message.data["number"]))
            session.execute(text("insert into members values (:name)"), {"name": name})

        source = kafka.source(group, [topic])
        consumer = Consumer(group, source, {"thing.happened": handle}, database.transaction)
        thread = threading.Thread(target=consumer.run, args=[stop])
        running.append((stop, thread))
        thread.start()

    yield start
    for stop, _ in running:
        stop.set()
    for _, thread in running:
        thread.join(20)


def test_a_joining_member_loses_and_repeats_nothing(
    database, kafka, start_member, message, eventually
):
    with database.transaction() as session:
        session.execute(text("create table members (name text)"))
        session.execute(
            text("alter table effects add position bigint generated always as identity")
        )
    topic = kafka.new_topic()
    sent = 0

    def send_more():
        """Send a batch more, so that there is always something to process."""
        nonlocal sent
        if processed() > sent - BATCH:
            batch = [
                message(f"key {number % KEYS}", number, topic)
                for number in range(sent, sent + BATCH)
            ]
            assert all(kafka.send(batch))
            sent += BATCH

    def processed():
        return len(database.rows("select 1 from effects"))

    def members():
        return {name for (name,) in database.rows("select distinct name from members")}

    send_more()
    start_member("first", topic, seconds=0.005)
    eventually(lambda: members() == {"first"}, within=30)
    start_member("second", topic)
    eventually(lambda: send_more() or members() == {"first", "second"}, within=60)

    eventually(lambda: processed() >= sent, within=60)
    numbers = defaultdict(list)
    for key, number in database.rows("select key, number from effects order by position"):
        numbers[key].append(number)
    assert numbers == {f"key {key}": list(range(key, sent, KEYS)) for key in range(KEYS)}
