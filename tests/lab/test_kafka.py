"""A step with topics has a Kafka, which keeps what it has acknowledged; any other step has none."""

import json

import pytest
from kafka import KafkaProducer
from kafka.admin import KafkaAdminClient, NewTopic

from tools.lab.ground.failed import Failed
from tools.lab.ground.tree import HERE
from tools.lab.ground.waiting import eventually, free_port, is_listening
from tools.lab.look import topics
from tools.lab.services import kafka
from tools.lab.system.system import System

TOPICS = {"things": {"partitions": 2, "config": {}}}


@pytest.fixture
def lab(make_lab):
    # the first time this takes longer than the lab's own commands may take in a test
    kafka.install(print)
    lab = make_lab()
    (lab.path / "extracted").mkdir()
    (lab.path / "extracted" / "topics.json").write_text(json.dumps(TOPICS))
    return lab


def test_what_was_acknowledged_is_there_after_a_sudden_death_and_topics_shows_it(lab):
    lab.up()
    address = lab.state()["run"]["KAFKA_BOOTSTRAP_SERVERS"]
    port = int(address.rpartition(":")[2])
    admin = KafkaAdminClient(bootstrap_servers=address)
    admin.create_topics([NewTopic("things", num_partitions=2, replication_factor=1)])
    admin.close()
    producer = KafkaProducer(bootstrap_servers=address, acks="all")
    for number in range(3):
        producer.send(
            "things",
            key=b"key",
            value=json.dumps({"number": number}).encode(),
            headers=[("ce_type", b"thing.made")],
        ).get(20)
    producer.close()

    before = lab.children()["kafka"]
    assert lab("kill", "kafka").returncode == 0
    eventually(
        lambda: lab.children().get("kafka") not in (None, before) and is_listening(port), within=60
    )

    assert [each["data"]["number"] for each in topics.messages(address, "things")] == [0, 1, 2]
    assert lab("topics").stdout.split()[-3:] == ["things", "2", "3"]
    assert [line.split()[1:3] for line in lab("topics", "things").stdout.splitlines()] == [
        ["thing.made", "key"]
    ] * 3
    assert lab("topics", "nothing").stderr == "lab: there is no topic nothing; there are: things\n"


def test_where_the_environment_names_a_cluster_none_of_ours_is_started(lab):
    ended = lab(
        "run",
        "--",
        "sh",
        "-c",
        "echo $KAFKA_BOOTSTRAP_SERVERS; cat $LAB_STATE/running.json",
        env={"KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1"},
    )

    assert ended.stdout.splitlines()[0] == "127.0.0.1:1"
    assert '"kafka"' not in ended.stdout


def test_where_kafka_cannot_be_fetched_one_line_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{free_port()}")
    for name in ("HOME", "JARS", "READY"):
        monkeypatch.setattr(kafka, name, tmp_path / name)

    with pytest.raises(
        Failed,
        match=r"^Apache Kafka could not be fetched; try again, or set KAFKA_BOOTSTRAP_SERVERS .*$",
    ):
        System(HERE, tmp_path / "state", environ={}).prepare()


def test_a_step_without_topics_has_no_kafka(make_lab):
    lab = make_lab()
    lab.up()

    assert "kafka" not in lab.children()
    assert lab("topics").stderr == "lab: this step has no Kafka; the first that has is 06\n"
