"""A process of consumers: one for each group, each in a thread of its own, until SIGTERM or until one of them fails."""

import logging
import signal
import sys
import threading

from sqlalchemy.exc import InterfaceError, OperationalError

from extracted.kit import kafka
from extracted.kit.consumer import Consumer

NO_DATABASE = (OperationalError, InterfaceError)
STOP_WITHIN = 8.0  # seconds
logger = logging.getLogger(__name__)


def consumer(group, part, process, source, transaction, away):
    """The consumer of a group: part has its TOPICS, HANDLERS, {type: handle(session, process, message)}, and whether they hear what is ANNOUNCED."""
    handlers = {type: lambda session, message, handle=handle: handle(session, process, message) for type, handle in part.HANDLERS.items()}
    return Consumer(group, source, handlers, transaction, away=(*NO_DATABASE, *away), announced=part.ANNOUNCED)


def main(words, groups, process, settings, *, transaction, away):
    """Run the groups, {name: part}, or replay what they have buried, as the words of the command line say; transaction(group) makes sessions."""
    if words not in ([], ["replay"]):
        sys.exit("say nothing, or replay")
    (replay if words else run)(groups, process, settings, transaction, away)


def replay(groups, process, settings, transaction, away):
    """Apply the dead letters that can be read by now, and say how many are left."""
    for group, part in groups.items():
        left = consumer(group, part, process, None, transaction(group), away).replay()
        logger.info("replayed", extra={"group": group, "left": left})


def run(groups, process, settings, transaction, away):
    """Consume until SIGTERM; exit code 1 if one of the groups fails."""
    broker, stop, failed = kafka.Broker(kafka.connection(settings)), threading.Event(), []

    def work(group, part):
        try:
            consumer(group, part, process, broker.source(group, part.TOPICS), transaction(group), away).run(stop)
        except Exception:
            logger.exception("stopped", extra={"group": group})
            failed.append(group)
            stop.set()  # the others too: whoever supervises starts all of them again

    signal.signal(signal.SIGTERM, lambda number, frame: stop.set())
    threads = [threading.Thread(target=work, args=each, daemon=True) for each in groups.items()]
    for thread in threads:
        thread.start()
    stop.wait()
    for thread in threads:
        thread.join(STOP_WITHIN)  # one that waits for a Kafka that is away waits for ever
    raise SystemExit(1 if failed else 0)
