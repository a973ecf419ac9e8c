"""A worker process: a thread for each consumer group, until SIGTERM or until one of them fails.

A group is a module with TOPICS, HANDLERS {type: handle(session, process, message)} and SNAPSHOTS
(whether it applies snapshot messages)."""

import logging
import signal
import sys
import threading

from kit import dead_letters, kafka
from kit.consumer import Consumer

STOP_SECONDS = 8.0
logger = logging.getLogger(__name__)


def main(words, groups, process, settings, *, databases):
    """Consume for groups {name: module}, or replay their dead letters if the word is replay.

    databases is {name: Database}; process is what the handlers get besides the session."""
    if words not in ([], ["replay"]):
        sys.exit("usage: no word, or replay")

    def consumer_of(group, source):
        return consumer(group, groups[group], process, source, databases[group])

    if words:
        replay(groups, consumer_of)
    else:
        run(groups, consumer_of, kafka.Broker(kafka.connection(settings)))


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


def run(groups, consumer_of, broker):
    """Consume until SIGTERM; exit with code 1 if a group fails."""
    stop = threading.Event()
    failed = threading.Event()

    def consume(group, topics):
        try:
            consumer_of(group, broker.source(group, topics)).run(stop)
        except Exception:
            logger.exception("consumer failed", extra={"group": group})
            failed.set()
            stop.set()  # the other groups end too, and the supervisor starts all of them again

    signal.signal(signal.SIGTERM, lambda number, frame: stop.set())
    threads = [
        threading.Thread(target=consume, args=[group, module.TOPICS], daemon=True)
        for group, module in groups.items()
    ]
    for thread in threads:
        thread.start()
    stop.wait()
    for thread in threads:
        thread.join(STOP_SECONDS)  # while Kafka is away, a thread may not end by itself
    sys.exit(1 if failed.is_set() else 0)
