"""A running system whose processes belong to several trees, on one state folder and one set of
backing services."""

import shlex
from contextlib import contextmanager

from tools.lab.experiment.deployment import asked, process_of
from tools.lab.ground.waiting import is_listening
from tools.lab.system.system import System, expand


class SideBySide(System):
    """A System that starts instances of any tree. While it is shut, nothing starts that the facade
    asks. A subclass has deployment: what is to run."""

    def __init__(self, tree, state, **options):
        super().__init__(tree, state, **options)
        self.shut = False
        self.deployment = None
        self.vacant = {}  # {process: the port where requests wait for its next instance}

    def attach(self, tree):
        """Bring up the backing services that a tree needs besides; its commands are run now."""
        self.tree = tree
        if tree.topics and "KAFKA_BOOTSTRAP_SERVERS" not in self.settings:
            self._start_kafka()
            kafka = self.supervisor.processes["kafka"]
            self._wait("Kafka", lambda: is_listening(kafka.port))
        for owner in tree.owners:
            name = f"{owner.upper()}_DATABASE_URL"
            if name not in self.settings:
                self.settings[name] = self._start_postgres(owner)
                self._wait(f"PostgreSQL of {owner}", self.servers[owner].is_ready)
                self.servers[owner].create(owner)

    def run_command(self, text, owner, other="", title="migrate"):
        """Run a command of the attached tree on an owner's database; Failed has its last lines. In
        the command, $NAME_URL is the address of the process NAME, of its newest instance. Another
        owner's database is in its environment under that owner's name."""
        name = f"{other.upper()}_DATABASE_URL"
        others = {name: self.settings[name]} if other else {}
        environment = self.environment(f"release-{owner}", INSTANCE=title, **others)
        here = self.ports.keys() & self.supervisor.processes.keys()
        known = {**environment, **urls({name: self.ports[name] for name in here})}
        words = expand(shlex.split(text), known)
        self._run(title, words, environment)

    def start_instance(self, instance, tree):
        """Start an instance of a tree unless it runs, and wait until it is ready."""
        process = process_of(instance)
        is_shut = self.shut and process in asked(self.deployment.facade)
        if instance in self.supervisor.processes or is_shut:
            return
        with self._of(tree):
            self.ports[instance] = self._port(instance, process)
            self._start_instance(instance, {instance: process})
            self._wait(instance, lambda: self._serves(instance), [instance])
        self.note()

    def _port(self, instance, process):
        """The port where requests wait for the process, or the one that the instance had before, or
        a new one."""
        if process in self.vacant and not self._runs(process):
            return self.vacant.pop(process)
        taken = {each.port for each in list(self.supervisor.processes.values())}
        own = self.ports.get(instance)
        return own if own and own not in taken else self.held.free()

    def _runs(self, process):
        return process in map(process_of, self.supervisor.processes)

    def stop_instance(self, instance):
        """Stop an instance, if it is here. It finishes what it has begun; one that gets no requests
        any more has given its last answer."""
        if instance not in self.supervisor.processes:
            return
        process = process_of(instance)
        serves = self.tree.serves(process)
        is_idle = serves and instance not in self.deployment.serving()
        self.supervisor.remove([instance], at_once=is_idle)
        if serves and not self._runs(process):
            self.vacant[process] = self.ports[instance]

    @contextmanager
    def _of(self, tree):
        attached, self.tree = self.tree, tree
        try:
            yield
        finally:
            self.tree = attached


def urls(ports):
    """{NAME_URL: address} of processes, from {instance: port}; where a process has two instances,
    the newer step's."""
    return {
        f"{process_of(instance).upper().replace('-', '_')}_URL": f"http://127.0.0.1:{port}"
        for instance, port in sorted(ports.items())
    }
