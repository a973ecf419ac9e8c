"""A worker runs its groups until one of them fails, or replays their dead letters."""

from types import SimpleNamespace

import pytest

from kit import memory, worker
from kit.message import Unprocessable


@pytest.fixture
def broker():
    return memory.Broker(partitions=1)


@pytest.fixture(autouse=True)
def no_signal_handler(monkeypatch):
    """Leave the signal handlers of the test process alone."""
    monkeypatch.setattr(worker.signal, "signal", lambda number, handler: None)


def group(handle):
    return SimpleNamespace(TOPICS=("things",), HANDLERS={"thing.happened": handle}, SNAPSHOTS=False)


def test_a_failing_group_ends_the_whole_worker(database, broker, message):
    def fail(session, process, message):
        raise RuntimeError

    groups = {"failing": group(fail), "idle": group(lambda session, process, message: None)}
    broker.send([message()])

    def consumer_of(name, source):
        return worker.consumer(name, groups[name], None, source, database)

    with pytest.raises(SystemExit) as ended:
        worker.run(groups, consumer_of, broker)

    assert ended.value.code == 1


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
