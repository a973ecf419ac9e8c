"""A copy is built again from the beginning of its topics, wherever the rebuild is killed."""

from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest
from sqlalchemy import insert

from kit import dead_letters, memory, worker
from kit.failures import TryLater
from kit.rebuild import InUse, rebuild
from tools.lab.ground.waiting import eventually

GROUP = "copy"
WAITING = """select count(*) from pg_stat_activity
where datname = current_database() and wait_event_type = 'Lock'"""
ROWS = "select key, number from effects order by number"


class Killed(BaseException):
    """The process ends here."""


class Broker(memory.Broker):
    """A broker that calls before() and after() around a setting back."""

    def __init__(self):
        super().__init__(partitions=1)
        self.before = self.after = lambda: None

    def set_back(self, group):
        self.before()
        done = super().set_back(group)
        self.after()
        return done


@pytest.fixture
def broker():
    return Broker()


@pytest.fixture
def work(database, broker, effects):
    """A function: a worker starts, processes what there is, and ends."""

    def handle(session, process, message):
        session.execute(insert(effects).values(key=message.key, **message.data))

    group = SimpleNamespace(HANDLERS={"thing.happened": handle}, SNAPSHOTS=True)

    def work():
        consumer = worker.consumer(GROUP, group, None, broker.source(GROUP, ["things"]), database)
        consumer.step()
        consumer.source.close()

    return work


@pytest.fixture
def copied(database, broker, work, message):
    """The rows of a copy that is complete."""
    broker.send([message(f"key {number}", number) for number in range(3)])
    work()
    return database.rows(ROWS)


@pytest.fixture
def empty(database, broker, effects):
    """A function: rebuild the copy, as far as the command does."""
    return lambda: rebuild(GROUP, [effects], database.transaction, broker)


def test_a_copy_is_emptied_and_built_again(database, broker, copied, empty, work):
    with database.transaction() as session:
        dead_letters.add(session, GROUP, broker.logs["things", 0][0], TryLater("not now"))

    empty()
    left = [database.rows(f"select * from {name}") for name in ("effects", "inbox", "dead_letters")]
    work()

    assert left == [[], [], []]
    assert database.rows(ROWS) == copied != []


def test_inbox_rows_and_dead_letters_of_other_groups_stay(database, broker, copied, empty):
    with database.transaction() as session:
        dead_letters.add(session, "other", broker.logs["things", 0][0], TryLater("not now"))
        session.connection().exec_driver_sql("insert into inbox values ('other', '1')")

    empty()

    assert database.rows("select consumer from inbox") == [("other",)]
    assert database.rows("select consumer from dead_letters") == [("other",)]


def test_a_copy_whose_group_has_members_is_left_alone(database, broker, copied, empty, work):
    source = broker.source(GROUP, ["things"])

    with pytest.raises(InUse):
        empty()

    source.close()
    work()
    assert database.rows(ROWS) == copied


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_rebuild_that_is_killed_leaves_the_copy_as_it_was(
    database, broker, copied, empty, work, moment
):
    def kill():
        raise Killed

    setattr(broker, moment, kill)

    with pytest.raises(Killed):
        empty()

    work()
    assert database.rows(ROWS) == copied


def test_a_rebuild_can_be_repeated_after_it_was_killed(database, broker, copied, empty, work):
    def kill():
        raise Killed

    broker.after = kill
    with pytest.raises(Killed):
        empty()
    broker.after = lambda: None

    empty()
    work()

    assert database.rows(ROWS) == copied


def test_a_worker_that_starts_amid_a_rebuild_loses_nothing(database, broker, copied, empty, work):
    with ThreadPoolExecutor() as threads:
        started = []

        def start_worker():
            started.append(threads.submit(work))
            eventually(lambda: database.rows(WAITING) == [(1,)])

        broker.after = start_worker
        empty()
        started[0].result()

    assert database.rows(ROWS) == copied
