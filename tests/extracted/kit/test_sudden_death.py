"""Nothing is lost, nothing out of order, nothing done twice, whoever is killed, stopped for a while or restarted meanwhile."""

import os
import signal
import sys
import threading
from collections import defaultdict
from itertools import product
from random import Random

import psycopg
import pytest

from tools.lab.processes import Process, Supervisor
from tools.lab.tree import HERE
from tools.lab.waiting import eventually, is_listening

KEYS, WRITERS, FACTS = 40, 6, int(os.environ.get("DRILL_FACTS", "600"))
FAULTS = list(product(("relay", "kafka", "listener", "postgres"), ("killed", "stopped", "restarted")))
COUNTERS = """
create table counters (key text primary key, number int not null);
insert into counters select 'key ' || n, 0 from generate_series(1, %s) n;
drop table effects;
create table effects (position bigint generated always as identity, key text, number int);
"""
SAY = """with counted as (update counters set number = number + 1 where key = %s returning key, number)
insert into outbox (message_id, topic, type, key, data, traceparent)
select key || ' ' || number, %s, 'thing.counted', key, jsonb_build_object('number', number), '' from counted"""


class Writer(threading.Thread):
    """Counts on, one key at a time, each time saying so in the same transaction; whether that took effect is known from the rows alone."""

    def __init__(self, url, topic, number, done):
        super().__init__(daemon=True)
        self.url, self.topic, self.random, self.done = url, topic, Random(number), done

    def run(self):
        while not self.done.is_set():
            try:
                with psycopg.connect(self.url, autocommit=True, connect_timeout=3) as connection:
                    while not self.done.is_set():
                        connection.execute(SAY, [f"key {self.random.randint(1, KEYS)}", self.topic])
                        self.done.wait(0.05)
            except psycopg.Error:
                self.done.wait(0.1)


@pytest.fixture
def drill(services, database, kafka, tmp_path):
    """A relay and a listener under supervision, with writers that count; .fault(victim, kind) does something to one of them."""
    drill = Drill(services, database, kafka.new_topic(), tmp_path)
    yield drill
    drill.end()


class Drill:
    def __init__(self, services, database, topic, path):
        self.services, self.url, self.topic = services, database.url, topic
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(COUNTERS % KEYS)
        self.own, self.done = Supervisor(lambda name, line: None), threading.Event()
        address = services.settings["KAFKA_BOOTSTRAP_SERVERS"]
        counting = str(HERE.path / "tests" / "extracted" / "kit" / "counting.py")
        self.run(path, "relay", "-m", "extracted.kit.relay", DATABASE_URL=self.url, KAFKA_BOOTSTRAP_SERVERS=address)
        self.run(path, "listener", counting, self.url, address, topic, topic)
        self.writers = [Writer(self.url, topic, number, self.done) for number in range(WRITERS)]
        for writer in self.writers:
            writer.start()

    def run(self, path, name, *words, **settings):
        told = {"environment": {**os.environ, "PYTHONPATH": str(HERE.path), **settings}, "cwd": HERE.path}
        self.own.add(Process(name, [sys.executable, *words], log=path / f"{name}.log", show=lambda name, line: None, **told))

    def fault(self, victim, kind):
        supervisor = self.own if victim in self.own.processes else self.services.supervisor
        if kind == "killed":
            supervisor.kill(victim)
        elif kind == "restarted":
            supervisor.stop(victim)
            supervisor.start(victim)
        else:
            supervisor.kill(victim, signal.SIGSTOP)
            self.done.wait(1)
            supervisor.kill(victim, signal.SIGCONT)
        port = getattr(supervisor.find(victim), "port", None)
        eventually(lambda: port is None or is_listening(port), within=30)

    def rows(self, sql):
        try:
            with psycopg.connect(self.url, connect_timeout=3) as connection:
                return connection.execute(sql).fetchall()
        except psycopg.Error as trouble:
            raise OSError from trouble

    def count(self):
        return self.rows("select sum(number) from counters")[0][0]

    def finish(self):
        """Let the writers end, and all that they said be heard."""
        self.done.set()
        for writer in self.writers:
            writer.join(10)
        eventually(lambda: self.rows("select count(*) from effects")[0][0] >= self.count(), within=60)

    def end(self):
        self.done.set()
        self.own.stop_all()


def test_every_fact_has_its_effect_once_and_in_order_whatever_is_killed_stopped_or_restarted(drill):
    for victim, kind in FAULTS:
        before = eventually(drill.count, within=30)
        eventually(lambda before=before: drill.count() >= before + FACTS / len(FAULTS), within=60)
        drill.fault(victim, kind)
    drill.finish()

    said, heard = dict(drill.rows("select key, number from counters")), defaultdict(list)
    for key, number in drill.rows("select key, number from effects order by position"):
        heard[key].append(number)
    assert sum(said.values()) >= FACTS
    assert {key: numbers for key, numbers in heard.items() if numbers != list(range(1, said[key] + 1))} == {}
    assert heard.keys() == {key for key, number in said.items() if number}
