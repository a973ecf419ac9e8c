"""A worker runs its groups until one of them fails, or replays their dead letters."""

import signal
import threading
import time
from datetime import timedelta
from types import SimpleNamespace

import pytest

from kit import dead_letters, memory, worker
from kit.failures import TryLater
from kit.message import Message, Unprocessable
from kit.outbox import record


@pytest.fixture
def broker():
    return memory.Broker(partitions=1)


@pytest.fixture(autouse=True)
def no_signal_handler(monkeypatch):
    """Leave the signal handlers of the test process alone."""
    monkeypatch.setattr(worker.signal, "signal", lambda number, handler: None)


def group(handle):
    return SimpleNamespace(TOPICS=("things",), HANDLERS={"thing.happened": handle}, SNAPSHOTS=False)


class Broken(memory.Broker):
    """A broker with a group that is polled like that."""

    def __init__(self, poll):
        super().__init__()
        self.poll = poll

    def source(self, group, topics):
        source = super().source(group, topics)
        if group == "broken":
            source.poll = self.poll
        return source


@pytest.fixture
def exit_code_with(database):
    """A function: how a worker ends in which one of two groups is polled like that."""
    groups = {name: group(lambda session, process, message: None) for name in ("broken", "idle")}

    def consumer_of(name, source):
        return worker.consumer(name, groups[name], None, source, database)

    def exit_code_with(poll):
        with pytest.raises(SystemExit) as ended:
            worker.run(groups, consumer_of, Broken(poll))
        return ended.value.code

    return exit_code_with


def test_a_failing_group_ends_the_whole_worker(exit_code_with):
    assert exit_code_with(lambda: 1 / 0) == 1


def test_a_group_whose_thread_is_ended_ends_the_whole_worker(exit_code_with):
    def poll():
        raise GeneratorExit

    assert exit_code_with(poll) == 1


def test_a_group_that_stands_still_ends_the_whole_worker(
    exit_code_with, monkeypatch, caplog, capfd
):
    for limit in ("LOOK_SECONDS", "STANDSTILL_SECONDS", "STOP_SECONDS"):
        monkeypatch.setattr(worker, limit, 0.1)
    never = threading.Event()

    assert exit_code_with(never.wait) == 1
    never.set()
    (said,) = (line for line in caplog.records if line.message == "stands still")
    assert "broken" in said.groups  # on a busy machine the other one may be late, too
    assert "in wait" in capfd.readouterr().err  # the line of the thread that waits


def test_a_worker_that_is_busy_does_not_stand_still(monkeypatch):
    monkeypatch.setattr(worker, "LOOK_SECONDS", 0.01)
    stop = threading.Event()
    threading.Timer(0.1, stop.set).start()

    assert not worker.stands_still({"busy": time.monotonic() - worker.STANDSTILL_SECONDS / 2}, stop)


def test_a_worker_replays_dead_letters_that_are_due(database, broker, message, monkeypatch):
    monkeypatch.setattr(worker, "REPLAY_SECONDS", 0.01)
    monkeypatch.setattr(dead_letters, "FIRST_PAUSE", timedelta(0))
    stop, tries = threading.Event(), []

    def handle(session, process, message):
        tries.append(message)
        if len(tries) == 1:
            raise TryLater("mailbox full")
        stop.set()

    groups = {"one": group(handle)}
    broker.send([message()])

    def consumer_of(name, source):
        return worker.consumer(name, groups[name], None, source, database)

    consumer_of("one", broker.source("one", ["things"])).step()
    worker.replay_when_due(groups, consumer_of, stop)

    assert len(tries) == 2
    assert database.rows("select * from dead_letters") == []


def test_the_word_replay_replays_every_group(database, broker, message):
    process = SimpleNamespace(is_broken=True, processed=[])

    def handle(session, process, message):
        if process.is_broken:
            raise Unprocessable("broken")
        process.processed.append(message.id)

    groups = {"one": group(handle), "two": group(handle)}
    sent = message()
    broker.send([sent])
    for name in groups:
        source = broker.source(name, ["things"])
        worker.consumer(name, groups[name], process, source, database).step()
    process.is_broken = False

    worker.main(["replay"], groups, process, {}, databases=dict.fromkeys(groups, database))

    assert process.processed == [sent.id, sent.id]


def test_an_unknown_word_ends_with_a_usage():
    with pytest.raises(SystemExit, match="usage"):
        worker.main(["reply"], {}, None, {}, databases={})


def test_a_worker_without_copies_has_nothing_to_rebuild():
    with pytest.raises(SystemExit, match="usage: no word, or replay$"):
        worker.main(["rebuild"], {}, None, {}, databases={})


def test_a_rebuild_of_a_group_in_use_names_its_process(database, broker, effects):
    broker.source("copy", ["things"])

    with pytest.raises(SystemExit, match="stop things-worker first: the consumer group copy"):
        worker.rebuild_all({"copy": [effects]}, {"copy": database}, broker, "things-worker")


@pytest.fixture
def terminate(monkeypatch):
    """A function: what SIGTERM does to a worker that runs in this process."""
    handlers = {}
    monkeypatch.setattr(worker.signal, "signal", handlers.__setitem__)
    return lambda: handlers[signal.SIGTERM](signal.SIGTERM, None)


def url_of(database):
    return database.url.replace("+psycopg", "")


def test_a_worker_relays_the_messages_in_its_outbox(database, broker, terminate):
    consumed = []

    def handle(session, process, message):
        consumed.append(message.data)
        terminate()

    groups = {"one": group(handle)}
    with database.transaction() as session:
        record(session, Message("things", "thing.happened", "key", {"number": 1}))

    def consumer_of(name, source):
        return worker.consumer(name, groups[name], None, source, database)

    with pytest.raises(SystemExit) as ended:
        worker.run(groups, consumer_of, broker, url_of(database))

    assert (consumed, ended.value.code) == ([{"number": 1}], 0)


def test_a_failing_relay_ends_the_whole_worker(database):
    class Mute(memory.Broker):
        def send(self, messages):
            raise RuntimeError("broken")

    groups = {"idle": group(lambda session, process, message: None)}
    with database.transaction() as session:
        record(session, Message("things", "thing.happened", "key", {"number": 1}))

    def consumer_of(name, source):
        return worker.consumer(name, groups[name], None, source, database)

    with pytest.raises(SystemExit) as ended:
        worker.run(groups, consumer_of, Mute(), url_of(database))

    assert ended.value.code == 1
