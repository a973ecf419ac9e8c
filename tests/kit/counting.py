"""A consumer in a process of its own, which writes each number to the table effects: counting.py
DATABASE_URL KAFKA GROUP TOPIC"""

import signal
import sys
import threading
from contextlib import contextmanager

from sqlalchemy import create_engine, text
from sqlalchemy.orm import Session

from kit import kafka, log
from kit.consumer import Consumer

database_url, address, group, topic = sys.argv[1:]
engine = create_engine(database_url, pool_pre_ping=True, connect_args={"connect_timeout": 3})


@contextmanager
def transaction():
    with Session(engine) as session, session.begin():
        yield session


def count(session, message):
    session.execute(
        text("insert into effects (key, number) values (:key, :number)"),
        {"key": message.key, "number": message.data["number"]},
    )


log.configure("INFO")
stop = threading.Event()
signal.signal(signal.SIGTERM, lambda number, frame: stop.set())
source = kafka.Broker({"bootstrap_servers": [address]}).source(group, [topic])
Consumer(group, source, {"thing.counted": count}, transaction).run(stop)
