"""A listener in a process of its own, which notes each number that it hears once: counting.py DATABASE_URL KAFKA GROUP TOPIC"""

import signal
import sys
import threading
from contextlib import contextmanager

from sqlalchemy import create_engine, text
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.orm import Session

from extracted.kit import kafka, log
from extracted.kit.consumer import Consumer

database_url, address, group, topic = sys.argv[1:]
engine = create_engine(database_url, pool_pre_ping=True, connect_args={"connect_timeout": 3})


@contextmanager
def transaction():
    with Session(engine) as session, session.begin():
        yield session


def note(session, message):
    session.execute(text("insert into effects (key, number) values (:key, :number)"), {"key": message.key, "number": message.data["number"]})


log.configure("INFO")
stop = threading.Event()
signal.signal(signal.SIGTERM, lambda number, frame: stop.set())
source = kafka.Broker({"bootstrap_servers": [address]}).source(group, [topic])
Consumer(group, source, {"thing.counted": note}, transaction, away=(OperationalError, InterfaceError)).run(stop)
