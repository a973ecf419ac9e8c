"""A step that is seeded once, and started again and again on a copy of that."""

import os
import shutil
import time
from contextlib import ExitStack, contextmanager

from tools.lab.experiment.budget import budget_of
from tools.lab.experiment.proxied import Proxied
from tools.lab.ground.failed import Failed
from tools.lab.system.state import copy, temporary_state
from tools.lab.system.system import System

NOT_OURS = ("DATABASE_URL", "KAFKA_BOOTSTRAP_SERVERS", "SMTP_URL", "STRIPE_API_BASE")


class Prepared:
    """A step with the sample data of a plan, as a context manager. budget is {what it may use: how
    much}, and seconds is how long its preparation took. The logs of a run that broke a promise are
    kept in the folder logs, if it is given."""

    def __init__(self, tree, plan, log, logs=None):
        self.tree = tree
        self.plan = plan
        self.log = log
        self.logs = logs
        self.budget = {}
        self.seconds = 0.0
        self.stack = ExitStack()

    def __enter__(self):
        began = time.monotonic()
        try:
            self.template = self.stack.enter_context(temporary_state(self.tree))
            with self._running(self.template) as system:
                self.budget = budget_of(system)
        except BaseException:
            self.stack.close()
            raise
        self.seconds = time.monotonic() - began
        return self

    def __exit__(self, *trouble):
        self.stack.close()

    @contextmanager
    def start(self):
        """The step, started on a copy of the sample data; it is stopped and deleted afterwards."""
        with temporary_state(self.tree) as state:
            copy(self.template, state)
            # or the kernel writes the copy to the disk while the step is loaded
            os.sync()
            with self._running(state, at_once=True) as system:
                yield system

    def keep_logs(self, system, run):
        """Keep what the processes have logged, if the run broke a promise: its state is deleted
        afterwards."""
        if self.logs and run.broken:
            shutil.copytree(system.state / "logs", self.logs, dirs_exist_ok=True)

    @contextmanager
    def _running(self, state, *, at_once=False):
        refuse_services_elsewhere()
        kind = Proxied if self.plan.proxied else System
        system = kind(
            self.tree,
            state,
            seed=(self.plan.events, self.plan.accounts),
            scale=dict(self.plan.scale),
            show=lambda name, line: None,
            progress=self.log,
        )
        try:
            system.start()
            catch_up(system, self.log)
            checkpoint(system)
            yield system
        finally:
            system.stop(at_once=at_once)


def refuse_services_elsewhere():
    if given := [name for name in os.environ if name.endswith(NOT_OURS)]:
        raise Failed(
            f"each run begins with services and data of its own: unset {', '.join(given)}", 2
        )


def catch_up(system, log):
    """Wait until every message has been processed, which the sample data begins with."""
    if system.tree.topics:
        from tools.lab.measure import delivery  # Kafka's client takes a while to import

        log("waiting until every message has been processed")
        delivery.catch_up(system)


def checkpoint(system):
    """Write every changed page, so that this happens before a run and not at some time in it."""
    for server in system.servers.values():
        with server.connect() as connection:
            connection.execute("checkpoint")
