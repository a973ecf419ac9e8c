"""Nothing is lost, out of order or done twice, while processes are killed, paused and restarted."""

import os
import signal
import sys
import threading
from collections import defaultdict
from itertools import product
from random import Random

import psycopg
import pytest

from tools.lab.ground.tree import HERE
from tools.lab.ground.waiting import eventually, is_listening
from tools.lab.system.processes import Process, Supervisor

KEYS = 40
WRITERS = 6
MESSAGES = int(os.environ.get("DRILL_MESSAGES", "600"))
FAULTS = list(
    product(("relay", "kafka", "consumer", "postgres"), ("killed", "paused", "restarted"))
)
TABLES = """
create table counters (key text primary key, number int not null);
insert into counters select 'key ' || n, 0 from generate_series(1, %s) n;
drop table effects;
create table effects (position bigint generated always as identity, key text, number int);
"""
COUNT = """
with counted as (update counters set number = number + 1 where key = %s returning key, number)
insert into outbox (message_id, topic, type, key, data, traceparent)
select key || ' ' || number, %s, 'thing.counted', key, jsonb_build_object('number', number), ''
from counted"""


class Writer(threading.Thread):
    """Counts one key after the other, and records each number in the same transaction."""

    def __init__(self, url, topic, seed, done):
        super().__init__(daemon=True)
        self.url = url
        self.topic = topic
        self.random = Random(seed)
        self.done = done

    def run(self):
        while not self.done.is_set():
            try:
                with psycopg.connect(self.url, autocommit=True, connect_timeout=3) as connection:
                    self.count(connection)
            except psycopg.Error:
                self.done.wait(0.1)

    def count(self, connection):
        while not self.done.is_set():
            connection.execute(COUNT, [f"key {self.random.randint(1, KEYS)}", self.topic])
            self.done.wait(0.05)


@pytest.fixture
def drill(services, database, kafka, tmp_path):
    """A relay and a consumer under supervision, with writers that count."""
    drill = Drill(services, database, kafka.new_topic(), tmp_path)
    yield drill
    drill.end()


class Drill:
    def __init__(self, services, database, topic, path):
        self.services = services
        self.url = database.url
        self.path = path
        self.own = Supervisor(lambda name, line: None)
        self.done = threading.Event()
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(TABLES % KEYS)
        kafka = services.settings["KAFKA_BOOTSTRAP_SERVERS"]
        settings = {"DATABASE_URL": self.url, "KAFKA_BOOTSTRAP_SERVERS": kafka}
        counting = str(HERE.path / "tests" / "kit" / "counting.py")
        self.start("relay", ["-m", "kit.relay"], settings)
        self.start("consumer", [counting, self.url, kafka, topic, topic], {})
        self.writers = [Writer(self.url, topic, seed, self.done) for seed in range(WRITERS)]
        for writer in self.writers:
            writer.start()

    def start(self, name, words, settings):
        process = Process(
            name,
            [sys.executable, *words],
            environment={**os.environ, "PYTHONPATH": str(HERE.path), **settings},
            cwd=HERE.path,
            log=self.path / f"{name}.log",
            show=lambda name, line: None,
        )
        self.own.add(process)

    def fault(self, victim, kind):
        """Kill, pause or restart a process; return when it answers again."""
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
        except psycopg.Error as error:
            raise OSError from error

    def counted(self):
        return self.rows("select sum(number) from counters")[0][0]

    def effects(self):
        return self.rows("select count(*) from effects")[0][0]

    def finish(self):
        """Stop the writers, and wait until all that they recorded has had its effect."""
        self.done.set()
        for writer in self.writers:
            writer.join(10)
        eventually(lambda: self.effects() >= self.counted(), within=60)

    def end(self):
        self.done.set()
        self.own.stop_all()


def test_every_message_has_its_effect_once_despite_faults(drill):
    for victim, kind in FAULTS:
        goal = eventually(drill.counted, within=30) + MESSAGES / len(FAULTS)
        eventually(lambda goal=goal: drill.counted() >= goal, within=60)
        drill.fault(victim, kind)
    drill.finish()

    counters = {key: number for key, number in drill.rows("select * from counters") if number}
    effects = defaultdict(list)
    for key, number in drill.rows("select key, number from effects order by position"):
        effects[key].append(number)
    assert sum(counters.values()) >= MESSAGES
    assert effects == {key: list(range(1, number + 1)) for key, number in counters.items()}
