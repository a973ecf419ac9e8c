"""A whole system, brought up from a tree: backing services, databases, sample data, the step's
processes."""

import base64
import hashlib
import json
import os
import shlex
import signal
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tools.lab.ground.environment import for_processes
from tools.lab.ground.failed import Failed
from tools.lab.ground.tree import HERE
from tools.lab.ground.waiting import is_listening
from tools.lab.services.kafka import Kafka, install
from tools.lab.services.postgres import PostgreSQL
from tools.lab.system import applied
from tools.lab.system.control import Control
from tools.lab.system.leftovers import identity
from tools.lab.system.lines import OF_THE_LAB
from tools.lab.system.ports import Ports
from tools.lab.system.processes import WRONG_SETTING, Process, Supervisor
from tools.lab.system.state import clean_up, lock, read, watch, write

PASSWORDS = {"FAN_PASSWORD": "fan-of-encore", "ORGANISER_PASSWORD": "organiser-of-encore"}
SANDBOX_KEY = "sk_test_sandbox"
READY_WITHIN = 60.0  # seconds
PATIENCE = 40.0  # seconds: gunicorn and the facade allow requests 30, and gunicorn drains before
DIRECTLY = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # without a proxy
PARTS = (
    "/api/accounts/me",
    "/api/events",
    "/api/bookings",
    "/api/payments",
    "/api/recommendations",
)


class System:
    """A step's tree, running on a state folder of its own.

    Settings that the lab's own environment names (DATABASE_URL or <OWNER>_DATABASE_URL, SMTP_URL,
    STRIPE_API_BASE with STRIPE_API_KEY) are used as they are, and nothing of ours is started in
    their place. seed is (events, accounts), or None; where it is traced, its processes write down
    what they do for whom, which costs them time. ports is what it has its ports from, with port
    among them if that is given."""

    def __init__(
        self,
        tree,
        state,
        *,
        ports=None,
        port=None,
        scale=None,
        seed=(40, 100),
        durable=True,
        traced=False,
        show=print,
        progress=lambda line: None,
        environ=os.environ,
    ):
        self.tree = tree
        self.state = state
        self.seed = seed
        self.durable = durable
        self.traced = traced
        self.scale = checked(scale or {}, tree)
        self.show = show
        self.progress = progress
        self.given = dict(environ)
        self.held = ports or Ports()
        self.port = port or self.held.free()
        self.base_url = f"http://{self.held.host}:{self.port}"
        self.servers = {}
        self.settings = {}
        self.ports = {}
        self.mail_url = environ.get("MAIL_URL", "")
        self.ready_after = None  # seconds
        self.supervisor = self.control = self.lock = self.watcher = None

    def prepare(self):
        """Bring up what the step's processes need: backing services, and databases with their
        tables."""
        try:
            self.lock = lock(self.state)
            clean_up(self.state)
            self.watcher = watch(self.state)
            self.supervisor = Supervisor(self.show, changed=self.note)
            self.control = Control(self)
            self._start_services()
            key = _digest(self.tree.path / "migrations") + json.dumps(self.tree.topics)
            if not self._is_elsewhere():
                applied.compare(self.tree, self.state, key, self._say)
            self._once("release", key)
        except BaseException:
            self.stop()
            raise

    def start(self):
        """Bring everything up, and wait until it is ready; Failed says what could not be."""
        began = time.monotonic()
        self.prepare()
        try:
            self.load_sample()
            self.start_processes()
        except BaseException:
            self.stop()
            raise
        self.ready_after = time.monotonic() - began
        return self

    def stop(self, *, at_once=False):
        """Stop everything; at once where nobody will go on with this state. Nothing is done where
        nothing was prepared."""
        if self.supervisor:
            self.supervisor.stop_all(at_once=at_once)
            (self.state / "running.json").unlink(missing_ok=True)
        if self.control:
            self.control.close()
        if self.watcher:
            self.watcher.communicate()
        if self.lock:
            self.lock.close()
        self.held.close()

    def load_sample(self):
        if self.seed:
            events, accounts = self.seed
            self._once(
                "seed", ["--events", str(events), "--accounts", str(accounts), "--seed", "1"]
            )

    # Backing services

    def _start_services(self):
        if self.tree.topics and not self.given.get("KAFKA_BOOTSTRAP_SERVERS"):
            self._start_kafka()
        owners = self.tree.owners
        for owner in owners:
            name = f"{owner.upper()}_DATABASE_URL"
            given = self.given.get(name) or (
                self.given.get("DATABASE_URL") if len(owners) == 1 else None
            )
            self.settings[name] = given or self._start_postgres(owner)
        if not self.given.get("SMTP_URL"):
            self._start_mail()
        if not self.given.get("STRIPE_API_BASE"):
            self._start_sandbox()
        if folder := self.given.get("TRACE_FOLDER") or (self.traced and self.state / "traces"):
            os.makedirs(folder, exist_ok=True)  # noqa: PTH103 - as the environment names it
            self.settings["TRACE_FOLDER"] = str(folder)
        for name, made in {
            "SMTP_URL": "",
            "STRIPE_API_BASE": "",
            "STRIPE_API_KEY": "",
            **session_keys(self.state / "keys.json", self._say),
        }.items():
            self.settings.setdefault(name, self.given.get(name, made))
        for owner, server in self.servers.items():
            self._wait(f"PostgreSQL of {owner}", server.is_ready)
            server.create(owner)

    def _start_kafka(self):
        try:
            install(self.progress)
        except (OSError, RuntimeError) as trouble:
            raise Failed(
                "Apache Kafka could not be fetched; try again, or set KAFKA_BOOTSTRAP_SERVERS "
                "to one that runs elsewhere, or, if your network has a certificate authority of "
                f"its own, REQUESTS_CA_BUNDLE to its file: {trouble}"
            ) from None
        self.progress("starting Kafka")
        kafka = Kafka(self.state / "kafka", self.held.free(), self.held.free())
        kafka.prepare()
        self.supervise("kafka", kafka.command(), kafka.port, **kafka.run_as())
        self.settings["KAFKA_BOOTSTRAP_SERVERS"] = f"127.0.0.1:{kafka.port}"

    def _wait_for_kafka(self):
        """A client that is made before the port is open takes ten seconds to notice that it is."""
        kafka = self.supervisor.processes.get("kafka")
        if kafka and not is_listening(kafka.port):
            self._wait("Kafka", lambda: is_listening(kafka.port))

    def _start_postgres(self, owner):
        name = "postgres" if owner == "monolith" else f"postgres-{owner}"
        self.progress("starting PostgreSQL")
        server = self.servers[owner] = PostgreSQL(
            self.state / name, self.held.free(), durable=self.durable
        )
        server.prepare()
        self.supervise(
            name,
            server.command(),
            server.port,
            prepare=server.prepare,
            stop_with=signal.SIGINT,
            **server.run_as(),
        )
        return server.url(owner)

    def _start_mail(self):
        smtp, http = self.held.free(), self.held.free()
        self._start_tool(
            "mail", "mailcatcher", ["--smtp-port", str(smtp), "--http-port", str(http)], smtp
        )
        self.settings["SMTP_URL"] = f"smtp://127.0.0.1:{smtp}"
        self.mail_url = f"http://127.0.0.1:{http}"

    def _start_sandbox(self):
        port = self.held.free()
        self._start_tool("payments-sandbox", "sandbox", ["--port", str(port)], port)
        self.settings |= {
            "STRIPE_API_BASE": f"http://127.0.0.1:{port}",
            "STRIPE_API_KEY": SANDBOX_KEY,
        }

    def _start_tool(self, name, module, options, port):
        command = [
            sys.executable,
            "-m",
            f"tools.lab.services.{module}",
            *options,
            "--database",
            str(self.state / f"{module}.db"),
        ]
        self.supervise(name, command, port, cwd=HERE.path)

    def supervise(self, name, command, port, environment=None, **options):
        environment = environment or {
            **for_processes(self.given),
            "PYTHONPATH": str(HERE.path),
        }
        process = self._process(name, command, environment, **options)
        process.port = port
        self.supervisor.add(process)

    def _process(self, name, command, environment, **options):
        return Process(
            name,
            command,
            environment=environment,
            log=self.state / "logs" / f"{name}.log",
            show=self.show,
            **options,
        )

    # The step's own commands

    def environment(self, process, **more):
        """The environment of one of the step's processes: its settings, with the database of its
        owner only."""
        path = f"{Path(sys.executable).parent}{os.pathsep}{self.given.get('PATH', os.defpath)}"
        usual = {"PATH": path, "PYTHONPATH": str(self.tree.path), "PYTHONUNBUFFERED": "1"}
        others = {
            name: value
            for name, value in for_processes(self.given, self.tree.settings).items()
            if name not in self.settings and not name.endswith("DATABASE_URL")
        }
        return {**others, **self._told(process), **usual, **more}

    def _told(self, process):
        """The settings that a process may know: a facade none, the private key of sessions only
        accounts, which is a module of the monolith until it is a service."""
        if process == "facade":
            return {}
        owner = self.tree.owner_of(process)
        told = {
            name: value
            for name, value in self.settings.items()
            if not name.endswith("DATABASE_URL")
        }
        if owner != ("accounts" if "accounts" in self.tree.owners else "monolith"):
            told.pop("SESSION_KEY", None)
        return {**told, "DATABASE_URL": self.settings.get(f"{owner.upper()}_DATABASE_URL", "")}

    def _once(self, kind, key):
        """Run the commands of a kind, unless they ran with the same key on this state before;
        services elsewhere may know nothing of that."""
        path = self.state / "done.json"
        done = {} if self._is_elsewhere() else read(path, self._say)
        if done.get(kind) != key:
            self._run_all(kind, key if kind == "seed" else ())
            write(path, {**done, kind: key})

    def _say(self, line):
        self.show("lab", line)

    def _is_elsewhere(self):
        return set(self.servers) != set(self.tree.owners) or bool(
            self.given.get("KAFKA_BOOTSTRAP_SERVERS")
        )

    def _run_all(self, kind, options):
        self._wait_for_kafka()
        for name, command in self.tree.commands(kind).items():
            self.progress(f"running {name}")
            environment = self.environment(
                name,
                INSTANCE=name,
                **{each: self.given.get(each, value) for each, value in PASSWORDS.items()},
            )
            self._run(name, [*expand(command, environment), *options], environment)

    def _run(self, name, command, environment):
        """Run one of the step's own commands; Failed has what it printed last."""
        process = self._process(name, command, environment, once=True, cwd=self.tree.path)
        if code := self.supervisor.run_once(process):
            raise Failed(
                "\n  ".join([f"{name} ended with exit code {code}", *process.last_lines]),
                WRONG_SETTING if code == WRONG_SETTING else 1,
            )

    def start_processes(self):
        """Run the instances that scale says, each on the port that it had before, and no others;
        wait until all are ready."""
        instances = self._instances()
        self.stop_processes(except_for=instances)
        public = next(each for each, name in instances.items() if name == self.public_process())
        for instance in instances:
            if instance != public and self.ports.get(instance, self.port) == self.port:
                self.ports[instance] = self.held.free()
        self.ports[public] = self.port
        for instance in sorted(instances, key=lambda each: not self.tree.serves(instances[each])):
            if instance != "facade":
                self._start_instance(instance, instances)
        if "facade" in instances:
            # an instance that is not ready at a facade's start gets no request for a second
            self._wait("web", lambda: all(map(self._serves, list(self.supervisor.processes))))
            self._start_instance("facade", instances)
        self.wait_ready()
        self.note()

    def stop_processes(self, *, except_for=()):
        """Stop the step's own processes; those that serve at once, since nothing of them is
        awaited."""
        running = [
            name
            for name in self.supervisor.processes
            if name.split(".")[0] in self.tree.processes() and name not in except_for
        ]
        serving = [name for name in running if self.tree.serves(name.split(".")[0])]
        self.supervisor.remove(serving, at_once=True)
        self.supervisor.remove([name for name in running if name not in serving])

    def _instances(self):
        """{instance: process} of all that shall run."""
        return {
            f"{name}.{number}" if self.scale.get(name, 1) > 1 else name: name
            for name in self.tree.processes()
            for number in range(1, self.scale.get(name, 1) + 1)
        }

    def _start_instance(self, instance, instances):
        """Start an instance, unless it is here with the same environment."""
        name = instances[instance]
        if not self.tree.serves(name):
            self._wait_for_kafka()
        environment = self.environment(
            name,
            INSTANCE=instance,
            PORT=str(self.ports[instance]),
            **self._host(name),
            **(self._facade(instances) if name == "facade" else {}),
        )
        here = self.supervisor.processes.get(instance)
        if here and here.environment == environment:
            return
        if here:
            self.supervisor.remove([instance])
        command = expand(self.tree.processes()[name], environment)
        options = {"cwd": self.tree.path, "patience": PATIENCE}
        self.supervise(instance, command, self.ports[instance], environment, **options)

    def _host(self, name):
        """The public process listens on the address of the shop; HOST is left alone where that is
        the usual one."""
        is_usual = name != self.public_process() or self.base_url.startswith("http://127.0.0.1:")
        return {} if is_usual else {"HOST": self.held.host}

    def _facade(self, instances):
        """What a facade needs besides: the addresses of each process's instances, and a socket in a
        folder of ours, named briefly; and a home for its notes."""
        upstreams = {}
        for instance, name in instances.items():
            upstreams.setdefault(f"{name.upper().replace('-', '_')}_UPSTREAMS", []).append(
                f"127.0.0.1:{self.ports[instance]}"
            )
        return {
            **{name: " ".join(addresses) for name, addresses in upstreams.items()},
            "ADMIN_SOCKET": os.path.relpath(self.state / "facade.sock", self.tree.path),
            "XDG_DATA_HOME": str(self.state),
        }

    def public_process(self):
        return "facade" if "facade" in self.tree.processes() else "web"

    def restart(self, name):
        """Stop and start every instance of a process, one after the other, each until it says that
        it is ready."""
        instances = [
            instance
            for instance in self.supervisor.processes
            if name in (instance, instance.split(".")[0])
        ]
        for instance in instances or [self.supervisor.find(name).name]:
            self.supervisor.stop(instance)
            self.supervisor.start(instance)
            self._wait(instance, lambda instance=instance: self._serves(instance), [instance])

    # Looking at it

    def wait_ready(self):
        self._wait("the shop", self.is_ready)

    def is_ready(self):
        """Whether every process that serves says that it is ready, and the public address answers
        for every part."""
        return all(map(self._serves, list(self.supervisor.processes))) and all(
            self._status(self.base_url + path) not in (None, 502, 503) for path in PARTS
        )

    def _serves(self, instance):
        """Whether an instance says that it is ready, if it is one that can say it."""
        name = instance.split(".")[0]
        if not self.tree.serves(name):
            return True
        host = self._host(name).get("HOST", "127.0.0.1")
        port = self.supervisor.find(instance).port
        return self._status(f"http://{host}:{port}/health/ready") == 200

    def _status(self, url):
        """The status of an answer, or None where there is none."""
        try:
            request = urllib.request.Request(url, headers={"X-Request-Id": OF_THE_LAB})
            with DIRECTLY.open(request, timeout=5) as answer:
                return answer.status
        except urllib.error.HTTPError as error:
            with error:
                return error.code
        except OSError:
            return None

    def _wait(self, what, check, names=None):
        """Failed where one of these processes, or without names any, cannot be kept meanwhile."""
        self.progress(f"waiting for {what}")
        deadline, pause = time.monotonic() + READY_WITHIN, 0.01
        while not check():
            self._raise_if_failed(names)
            if time.monotonic() > deadline:
                raise Failed(f"{what} was not ready within {READY_WITHIN:g} s; see ./lab logs")
            time.sleep(pause)
            pause = min(pause * 1.5, 0.2)
        self._raise_if_failed(names)

    def _raise_if_failed(self, names=None):
        for process in self.supervisor.failures():
            if names is None or process.name in names:
                lines = [f"{process.name} could not be kept running", *process.last_lines]
                raise Failed("\n  ".join(lines), process.failed)

    def pids(self):
        """{process: its id} of those that run, with backing services."""
        return {name: pid for name, (pid, *_) in self.supervisor.pids().items()}

    def to_run(self):
        """What `./lab run` gives its command."""
        passwords = {name: self.given.get(name, value) for name, value in PASSWORDS.items()}
        lab = {
            "LAB_STATE": str(self.state),
            "LAB_COMMAND": shlex.join([sys.executable, "-m", "tools.lab"]),
            "PYTHONPATH": str(HERE.path),
        }
        return {
            **self.settings,
            **passwords,
            **lab,
            "BASE_URL": self.base_url,
            "MAIL_URL": self.mail_url,
        }

    def note(self):
        """Write down who runs where: for other terminals, and for the next start if this one is
        killed."""
        here = os.getpid()
        with self.supervisor.lock:  # so that the newest is the last that is written
            noted = {
                "step": self.tree.slug,
                "pid": here,
                "created": identity(here),
                "children": self.supervisor.pids(),
                "control": self.control.address,
                "run": self.to_run(),
            }
            write(self.state / "running.json", noted, lasting=False)


def session_keys(path, say=lambda line: None):
    """A key to sign session tokens with, and the public one that belongs to it; kept at path, so
    that a restart signs nobody out."""
    keys = read(path, say)
    if keys:
        return keys
    key = Ed25519PrivateKey.generate()
    private, public = (
        base64.urlsafe_b64encode(each).decode()
        for each in (key.private_bytes_raw(), key.public_key().public_bytes_raw())
    )
    keys = {"SESSION_KEY": f"lab:{private}", "SESSION_PUBLIC_KEYS": f"lab:{public}"}
    write(path, keys)
    return keys


def checked(scale, tree):
    """scale, which names processes of the tree, with as many instances as they can have."""
    for name, count in scale.items():
        if name not in tree.processes():
            raise Failed(f"there is no process {name}; there are: {', '.join(tree.processes())}", 2)
        least = 1 if name == "facade" or tree.serves(name) else 0
        if count < least or (name == "facade" and count > 1):
            raise Failed(f"there cannot be {count} of {name}", 2)
    return scale


def expand(command, environment):
    """Each $NAME in the words of a command, from its environment."""
    return [_expand(word, environment) for word in command]


def _expand(word, environment):
    for name in sorted(environment, key=len, reverse=True):
        word = word.replace(f"${name}", environment[name]).replace(
            f"${{{name}}}", environment[name]
        )
    return word


def _digest(folder):
    """What the files below folder come to, as a hexadecimal text; not those that Python makes while
    it runs them."""
    digest = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        if path.suffix == ".pyc":
            continue
        digest.update(f"{path.relative_to(folder)}\n".encode() + path.read_bytes())
    return digest.hexdigest()
