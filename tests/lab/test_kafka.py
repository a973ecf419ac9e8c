"""A step with topics has a Kafka, which keeps what it has acknowledged; any other step has none."""

import json
import os
import shutil
import subprocess
import sys
from types import SimpleNamespace

import pytest
from kafka import KafkaProducer
from kafka.admin import KafkaAdminClient, NewTopic
from kafka.record.memory_records import MemoryRecordsBuilder

from tools.lab.ground.environment import for_processes
from tools.lab.ground.failed import Failed
from tools.lab.ground.tree import HERE
from tools.lab.ground.waiting import eventually, free_port, is_listening
from tools.lab.look import topics
from tools.lab.measure.poison import NotUtf8
from tools.lab.services import kafka
from tools.lab.system.system import System

READ = """
import json, sys
from kafka.record.memory_records import MemoryRecords
from tools.lab.look import odd_headers
odd_headers.read_all()
records = MemoryRecords(sys.stdin.buffer.read()).next_batch()
print(json.dumps([each.headers[0][0] for each in records]))
"""
TOPICS = {"things": {"partitions": 2, "config": {"retention.ms": "1000000"}}}


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
    table, *differences = lab("topics").stdout.splitlines()[1:]
    assert table.split() == ["things", "2", "3"]
    assert differences == ["things has retention.ms=-1 instead of 1000000"]
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


def test_a_path_may_have_an_accent_a_comma_a_colon_and_a_space(tmp_path, monkeypatch):
    kafka.install(print)
    home = tmp_path / "é, a: b" / "kafka"
    shutil.copytree(kafka.JARS, home / "jars")
    for name in ("JARS", "FORMATTED", "CACHE", "READY"):
        monkeypatch.setattr(kafka, name, home / getattr(kafka, name).name)
    monkeypatch.setattr(kafka, "HOME", home)
    monkeypatch.setenv("LC_ALL", "C")

    kafka.install(print)
    broker = kafka.Kafka(home.parent / "state", free_port(), free_port())
    broker.prepare()
    # with this option Java refuses to start without the cache
    command = [*broker.command()[:1], "-XX:AOTMode=on", *broker.command()[1:]]
    environment = for_processes(os.environ)
    with subprocess.Popen(command, env=environment, **broker.run_as()) as process:
        try:
            assert eventually(lambda: is_listening(broker.port), within=60)
        finally:
            process.terminate()

    assert list(tmp_path.iterdir()) == [home.parent]
    assert {path.name for path in home.parent.iterdir()} == {"kafka", "state"}


def test_the_fetch_trusts_the_certificates_of_pip_and_uses_its_proxy():
    listed = "global.cert='/etc/company.pem'\nglobal.proxy='http://proxy.example:3128'\n"

    assert kafka.network_of(listed, {}) == {
        "REQUESTS_CA_BUNDLE": "/etc/company.pem",
        "https_proxy": "http://proxy.example:3128",
    }
    assert kafka.network_of(f":env:.cert='/own.pem'\n{listed}", {"https_proxy": "http://x:1"}) == {
        "REQUESTS_CA_BUNDLE": "/own.pem"
    }
    assert kafka.network_of("", {"SSL_CERT_FILE": "/ssl.pem"}) == {"REQUESTS_CA_BUNDLE": "/ssl.pem"}
    assert kafka.network_of(listed, {"REQUESTS_CA_BUNDLE": "/mine.pem"}) == {
        "https_proxy": "http://proxy.example:3128"
    }


def test_a_jar_that_is_not_the_one_of_the_lock_file_is_fetched_again(tmp_path, monkeypatch):
    kafka.install(print)
    shutil.copytree(kafka.JARS, tmp_path / "jars")
    monkeypatch.setattr(kafka, "JARS", tmp_path / "jars")
    assert kafka.is_fetched()

    next(kafka.JARS.iterdir()).write_bytes(b"half of it")

    assert not kafka.is_fetched()


def test_a_step_without_topics_has_no_kafka(make_lab):
    lab = make_lab()
    lab.up()

    assert "kafka" not in lab.children()
    assert lab("topics").stderr == "lab: this step has no Kafka; the first that has is 06\n"


@pytest.mark.parametrize("value", [b"\xff", b"[" * 100_000, None])
def test_a_message_of_any_bytes_can_be_printed(value):
    strange = b"\x1b[2J\0\xff"
    headers = [("ce_type", strange), ("\x1b", None)]
    record = SimpleNamespace(key=strange, value=value, headers=headers, partition=0, offset=0)

    message = topics.as_message(record)

    texts = [message["key"], message["type"], *message["headers"], *message["headers"].values()]
    assert all(text.isprintable() for text in texts)
    assert message["data"] == {}


def test_a_header_whose_name_is_not_utf_8_hides_no_record():
    builder = MemoryRecordsBuilder(magic=2, compression_type=0, batch_size=10_000)
    for name in ("usual", NotUtf8("odd")):
        builder.append(timestamp=1, key=b"key", value=b"{}", headers=[(name, b"value")])
    builder.close()

    # in a process of the lab: here the kit's tests may have changed the same client
    read = subprocess.run(
        [sys.executable, "-c", READ],
        cwd=HERE.path,
        input=bytes(builder.buffer()),
        stdout=subprocess.PIPE,
        check=True,
    )

    assert json.loads(read.stdout) == ["usual", "\N{REPLACEMENT CHARACTER}" * 2]
