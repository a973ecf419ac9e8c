"""A running system that moves from one step to the next: it runs what a Deployment says, and its
facade sends requests there."""

import os
from contextlib import contextmanager
from pathlib import Path

import psutil

from tools.lab.experiment.deployment import FACADE, asked
from tools.lab.experiment.side_by_side import SideBySide
from tools.lab.system.system import expand

ADMIN_SOCKET = "facade.sock"


class Moving(SideBySide):
    """A system that begins with a tree, and runs what a Deployment says. While it is shut, requests
    wait at the facade."""

    @property
    def is_open(self):
        """Whether somebody answers."""
        return bool(self.deployment.serving().keys() & self.supervisor.processes.keys())

    def begin(self, trees, deployment):
        """Bring up the backing services of these trees, and what a deployment says."""
        self.prepare()
        try:
            self.load_sample()
            for tree in trees:
                self.attach(tree)
            self.deploy(deployment)
        except BaseException:
            self.stop()
            raise

    def deploy(self, deployment):
        """Run what a deployment says, and wait until the shop is ready."""
        self.deployment = deployment
        for instance, tree in deployment.running.items():
            self.start_instance(instance, tree)
        self.route(deployment)
        if self.is_open:
            self.wait_ready()

    @contextmanager
    def closed(self):
        """Nobody answers meanwhile, and nobody works on an earlier request."""
        before, self.shut = self.shut, True
        for instance in self.deployment.serving():
            self.stop_instance(instance)
        try:
            yield
        finally:
            self.shut = before
            if not self.shut:
                self.deploy(self.deployment)

    def route(self, deployment):
        """Send requests where a deployment says, and wait until the instances that get none any
        more have answered."""
        before, self.deployment = self.deployment, deployment
        if self.shut:
            return
        with self._of(deployment.facade):
            upstreams = self._upstreams(deployment.serving())
            if FACADE in self.supervisor.processes:
                self._reload(upstreams)
            else:
                self._start_instance(FACADE, {**upstreams, FACADE: FACADE})
        for instance in before.serving().keys() - deployment.serving().keys():
            if instance in self.supervisor.processes:
                self._wait_for_answers(instance)

    def _upstreams(self, serving):
        """{instance: process}, with the place where requests wait for each process without one."""
        self.ports[FACADE] = self.port
        found = dict(serving)
        for process in asked(self.tree):
            if process not in serving.values():
                self.vacant.setdefault(process, self.held.free())
                self.ports[f"{process}.next"] = self.vacant[process]
                found[f"{process}.next"] = process
        return found

    def _reload(self, upstreams):
        """Give the facade that runs other routes. Requests that it has are answered, one that waits
        goes on waiting where it was sent, and connections that are idle are closed."""
        facade = self.supervisor.find(FACADE)
        runs_in = Path(psutil.Process(facade.popen.pid).cwd())
        environment = self.environment(
            FACADE,
            INSTANCE=FACADE,
            PORT=str(self.port),
            **self._host(FACADE),
            **self._facade({**upstreams, FACADE: FACADE}),
        )
        words = expand(self.tree.processes()[FACADE], environment)
        words[words.index("run")] = "reload"
        words += ["--address", f"unix/{environment['ADMIN_SOCKET']}"]
        socket = os.path.relpath(self.state / ADMIN_SOCKET, runs_in)
        self._run("facade-reload", words, {**environment, "ADMIN_SOCKET": socket})
        # for a facade that dies, and is started again
        facade.environment = environment
        facade.options = {**facade.options, "cwd": self.tree.path}

    def _wait_for_answers(self, instance):
        port = self.ports[instance]
        self._wait(f"the last answers of {instance}", lambda: is_quiet(port), [instance])


def is_quiet(port):
    """Whether nobody is connected to the server at this port."""
    return not any(
        each.laddr.port == port and each.status == psutil.CONN_ESTABLISHED
        for each in psutil.net_connections("tcp")
        if each.laddr
    )
