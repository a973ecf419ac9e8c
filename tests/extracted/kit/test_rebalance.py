"""A member that joins in the middle of a batch takes partitions over: nothing is lost, nothing is done twice, each key stays in order."""

import threading
import uuid
from collections import defaultdict
from datetime import UTC, datetime

import pytest
from sqlalchemy import insert, text

from extracted.kit.consumer import Consumer
from extracted.kit.message import Message

KEYS, BATCH = 12, 240


def message(number, topic):
    return Message(uuid.uuid4().hex, topic, "thing.happened", f"key {number % KEYS}", {"number": number}, datetime.now(UTC))


@pytest.fixture
def member_of(database, kafka, effects):
    """Start a member of a group, which notes what it hears and who it is; all leave at the end."""
    running, group = [], uuid.uuid4().hex

    def start(name, topic, busy=0.0):
        def note(session, message):
            stop.wait(busy)
            session.execute(insert(effects).values(key=message.key, number=message.data["number"]))
            session.execute(text("insert into members values (:name)"), {"name": name})

        stop = threading.Event()
        consumer = Consumer(group, kafka.source(group, [topic]), {"thing.happened": note}, database.transaction)
        thread = threading.Thread(target=consumer.run, args=[stop])
        running.append((stop, thread))
        thread.start()

    yield start
    for stop, thread in running:
        stop.set()
        thread.join(20)


def test_a_member_that_joins_in_the_middle_of_a_batch_loses_and_doubles_nothing(database, kafka, member_of, eventually):
    with database.transaction() as session:
        session.execute(text("create table members (name text)"))
        session.execute(text("alter table effects add position bigint generated always as identity"))
    topic, said = kafka.new_topic(), 0

    def say_more():
        """A batch more, so that there is always something to hear."""
        nonlocal said
        if heard_of() > said - BATCH:
            assert all(kafka.send([message(number, topic) for number in range(said, said + BATCH)]))
            said += BATCH

    def heard_of():
        return len(database.rows("select 1 from effects"))

    def members():
        return {name for (name,) in database.rows("select distinct name from members")}

    say_more()
    member_of("first", topic, busy=0.005)
    eventually(lambda: members() == {"first"}, within=30)
    member_of("second", topic)
    eventually(lambda: say_more() or members() == {"first", "second"}, within=60)

    eventually(lambda: heard_of() >= said, within=60)
    heard = defaultdict(list)
    for key, number in database.rows("select key, number from effects order by position"):
        heard[key].append(number)
    assert heard == {f"key {key}": list(range(key, said, KEYS)) for key in range(KEYS)}
