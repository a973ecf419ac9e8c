"""A worker process: a thread for each consumer group and one that replays dead letters, until
SIGTERM or until one of them fails or stands still.

A group is a module with TOPICS, HANDLERS {type: handle(session, process, message)} and SNAPSHOTS
(whether it applies snapshot messages)."""

import faulthandler
import logging
import signal
import sys
import threading
import time
from contextlib import suppress
from functools import partial

from kafka.errors import KafkaError
from sqlalchemy.exc import SQLAlchemyError

from kit import dead_letters, kafka, rebuild
from kit.consumer import WORK_SECONDS, Consumer
from kit.failures import cause_of
from kit.relay import Relay

STOP_SECONDS = 8.0
REPLAY_SECONDS = 5.0  # between two looks for dead letters that are due
LOOK_SECONDS = 1.0  # between two looks whether all groups go on
STANDSTILL_SECONDS = 2 * WORK_SECONDS  # a group that begins no step for so long never will
logger = logging.getLogger(__name__)


def main(words, groups, process, settings, *, databases, copies=None, name=None, outbox=None):
    """Consume for groups {name: module}, replay their dead letters if the word is replay, or build
    their copies again if it is rebuild.

    databases is {name: Database}; process is what the handlers get besides the session. copies is
    {name: the tables of its copy}, and name that of this process, where there are copies. outbox is
    the URL of a database whose messages this process relays, too."""
    commands = ["replay", "rebuild"] if copies else ["replay"]
    if words not in ([], *([each] for each in commands)):
        sys.exit(f"usage: no word, or {' or '.join(commands)}")

    def consumer_of(group, source):
        return consumer(group, groups[group], process, source, databases[group])

    if words == ["replay"]:
        replay(groups, consumer_of)
        return
    broker = kafka.Broker(kafka.connection(settings))
    if words == ["rebuild"]:
        rebuild_all(copies, databases, broker, name)
    else:
        run(groups, consumer_of, broker, outbox)


def consumer(group, module, process, source, database):
    """The consumer of a group."""
    handlers = {
        type: lambda session, message, handle=handle: handle(session, process, message)
        for type, handle in module.HANDLERS.items()
    }
    return Consumer(group, source, handlers, database.transaction, snapshots=module.SNAPSHOTS)


def replay(groups, consumer_of):
    """Replay the dead letters of each group, in the order of groups; log how many are left."""
    for group in groups:
        left = dead_letters.replay(consumer_of(group, None))
        logger.info("replayed", extra={"group": group, "left": left})


def rebuild_all(copies, databases, broker, name):
    """Empty the copies, so that the process with this name builds them again when it starts; exit
    with one line if it runs, or if that is not possible now."""
    for group, tables in copies.items():
        try:
            rebuild.rebuild(group, tables, databases[group].transaction, broker)
        except rebuild.InUse:
            sys.exit(f"encore: stop {name} first: the consumer group {group} has members")
        except (KafkaError, SQLAlchemyError) as error:
            sys.exit(f"encore: {cause_of(error)}")
        print(f"the copy of {group} is empty; {name} builds it again when it starts")


def replay_when_due(groups, consumer_of, stop):
    """Replay the dead letters whose next try is due, until the event stop is set.

    In a thread of its own: a slow try does not hold up the newer messages."""
    while not stop.wait(REPLAY_SECONDS):
        for group in groups:
            with suppress(SQLAlchemyError):  # the database is away: the consumers log it
                dead_letters.replay(consumer_of(group, None), only_due=True)


def run(groups, consumer_of, broker, outbox=None):
    """Consume, and relay the messages in the database at outbox, if it is given, until SIGTERM;
    exit with code 1 if a group or the relay fails, or a group stands still."""
    stop = threading.Event()
    failed = threading.Event()
    steps = dict.fromkeys(groups, time.monotonic())  # when each group began its newest step

    def until_it_fails(what, work):
        try:
            work()
        except BaseException:  # a library may raise GeneratorExit; no thread ends unnoticed
            logger.exception("worker failed", extra={"failed": what})
            failed.set()
            stop.set()  # the others end too, and the supervisor starts all of them again

    def consume(group):
        def on_step():
            steps[group] = time.monotonic()

        consumer_of(group, broker.source(group, groups[group].TOPICS)).run(stop, on_step)

    work = {group: partial(consume, group) for group in groups}
    work["replay"] = partial(replay_when_due, groups, consumer_of, stop)
    if outbox:
        work["relay"] = Relay(outbox, broker, stop).run

    signal.signal(signal.SIGTERM, lambda number, frame: stop.set())
    threads = [
        threading.Thread(target=until_it_fails, args=each, daemon=True) for each in work.items()
    ]
    for thread in threads:
        thread.start()
    if stands_still(steps, stop):
        failed.set()
        stop.set()
    for thread in threads:
        thread.join(STOP_SECONDS)  # while Kafka is away, a thread may not end by itself
    sys.exit(1 if failed.is_set() else 0)


def stands_still(steps, stop):
    """Wait for the event stop; True if a group stands still before that: what its thread waits for
    will not come, and only a new process helps.

    steps is {group: when it began its newest step, by the monotonic clock}."""
    while not stop.wait(LOOK_SECONDS):
        latest = time.monotonic() - STANDSTILL_SECONDS
        stuck = [group for group, began in steps.items() if began < latest]
        if stuck:
            logger.error("stands still", extra={"groups": stuck})
            faulthandler.dump_traceback()  # where each thread stands
            return True
    return False
