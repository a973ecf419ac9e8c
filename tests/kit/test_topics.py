"""Topics are created, or get the configuration that they shall have."""

import json
import os
import subprocess
import sys

import pytest

from kit import topics

FOREVER = {"retention.ms": "-1", "cleanup.policy": "delete"}


@pytest.fixture
def run_topics(kafka, tmp_path):
    """A function: start the command for topics {name: partitions} that keep messages for ever."""

    def run_topics(wanted):
        file = tmp_path / "topics.json"
        wanted = {name: {"partitions": count, "config": FOREVER} for name, count in wanted.items()}
        file.write_text(json.dumps(wanted))
        address = kafka.connection["bootstrap_servers"][0]
        return subprocess.Popen(
            [sys.executable, "-m", "kit.topics", str(file)],
            env={**os.environ, "KAFKA_BOOTSTRAP_SERVERS": address},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    return run_topics


def output(command):
    return command.communicate(timeout=60)[0]


def test_a_topic_that_exists_gets_the_retention_of_the_file(kafka, run_topics):
    topic = f"{kafka.new_topic()}-for-a-week"
    week = {"partitions": 3, "config": {"retention.ms": "604800000"}}
    topics.create(kafka.connection, {topic: week})

    first, second = output(run_topics({topic: 3})), output(run_topics({topic: 3}))

    assert first.splitlines()[0] == second.strip() == "created topics: none, all exist"
    assert first.splitlines()[1:] == [f"changed topic {topic}: retention.ms from 604800000 to -1"]


def test_another_number_of_partitions_is_refused(kafka, run_topics):
    topic = kafka.new_topic()
    command = run_topics({topic: 4})

    said = output(command)

    assert command.returncode == 1
    assert said.endswith(f"the topic {topic} has 3 partitions instead of 4\n")
    assert len(said.splitlines()) == 1


def test_two_commands_at_once_create_the_topics_once(kafka, run_topics):
    wanted = {f"{kafka.new_topic()}-{number}": 3 for number in range(4)}

    commands = [run_topics(wanted) for _ in range(2)]

    outputs = [output(command) for command in commands]
    assert [command.returncode for command in commands] == [0, 0], outputs
    assert [sum(name in said for said in outputs) for name in wanted] == [1, 1, 1, 1]
