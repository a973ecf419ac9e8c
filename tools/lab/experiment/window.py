"""What happens beside a load, at given seconds of it: counters are read, and faults are made."""

import threading
import time
from concurrent import futures

from tools.lab.measure.cpu import used
from tools.lab.system.processes import memory

MEGABYTE = 1e6


class Timeline:
    """Calls each task with itself, in a thread of its own, once start() has said when second 0 is.

    At the end of the block it waits for all of them, and raises what one of them has raised. Where
    the block itself fails, nobody waits for a second any more."""

    def __init__(self, tasks):
        self.tasks = tasks
        self.began = None
        self.running = []
        self.is_over = threading.Event()

    def __enter__(self):
        self.pool = futures.ThreadPoolExecutor(max(1, len(self.tasks)))
        return self

    def __exit__(self, kind, error, trace):
        if kind:
            self.is_over.set()
        self.pool.shutdown()
        if not kind:
            for each in self.running:
                each.result()

    def start(self, began):
        self.began = began
        self.running = [self.pool.submit(task, self) for task in self.tasks]

    def now(self):
        return time.monotonic() - self.began

    def wait_until(self, second):
        """False if the load has failed, and nothing shall begin any more."""
        return not self.is_over.wait(max(0.0, second - self.now()))


class Window:
    """The counters of a system's processes over the measured seconds of a load."""

    def __init__(self, system, begin, end):
        self.system = system
        self.begin = begin
        self.end = end
        self.cpu = {}  # {process: milliseconds}, without those that were started in between
        self.memory = {}  # {process: MB} at the end

    def __call__(self, timeline):
        timeline.wait_until(self.begin)
        began = self.system.pids()
        before = used(began)
        timeline.wait_until(self.end)
        now = self.system.pids()
        after = used(now)
        self.cpu = {
            name: after[name] - before[name] for name, pid in now.items() if began.get(name) == pid
        }
        self.memory = {name: memory(pid) / MEGABYTE for name, pid in now.items()}


class Occurrence:
    """A fault that is made; noted is [began, ended, name], in seconds of the load."""

    def __init__(self, fault, system, log):
        self.fault = fault
        self.system = system
        self.log = log
        self.noted = []

    def __call__(self, timeline):
        fault = self.fault
        if not timeline.wait_until(fault.after):
            return
        self.log(f"{fault.name}: it begins")
        began = timeline.now()
        fault.begin(self.system)
        try:
            timeline.wait_until(began + fault.lasts)
        finally:
            fault.end(self.system)
        self.noted = [began, timeline.now(), fault.name]
        self.log(f"{fault.name}: it has ended")
