"""Processes under supervision: one that dies is started again, with a growing pause; one that keeps
dying ends the run."""

import json
import os
import signal
import subprocess
import threading
import time
from collections import deque
from contextlib import suppress

import psutil

FIRST_PAUSE, LONGEST_PAUSE = 0.5, 8.0  # seconds
TOO_MANY, WITHIN = 5, 60.0  # deaths, seconds
PATIENCE = 10.0  # seconds from SIGTERM to SIGKILL
GONE_WITHIN = 1.0  # seconds from SIGKILL
WRONG_SETTING = 2  # the exit code of a process that cannot start as it is configured


class Process:
    """A command that shall run, and ends at the signal stop_with; wanted is false while it is
    stopped on purpose."""

    def __init__(
        self,
        name,
        command,
        *,
        environment,
        log,
        show,
        prepare=None,
        stop_with=signal.SIGTERM,
        **options,
    ):
        self.name = name
        self.command = command
        self.environment = environment
        self.options = options
        self.log = log
        self.show = show
        self.prepare = prepare
        self.stop_with = stop_with
        self.wanted = True
        self.popen = None
        self.started_at = None
        self.due = 0.0
        self.deaths = deque(maxlen=TOO_MANY)
        self.starts = 0
        self.last_lines = deque(maxlen=8)

    @property
    def running(self):
        return self.popen is not None and self.popen.poll() is None

    def start(self):
        if self.prepare:
            self.prepare()
        self.log.parent.mkdir(parents=True, exist_ok=True)
        self.popen = subprocess.Popen(
            self.command,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            text=True,
            errors="replace",
            **self.options,
        )
        self.started_at = time.time()
        self.starts = self.starts + 1
        self.reader = threading.Thread(target=self._read, args=[self.popen.stdout], daemon=True)
        self.reader.start()

    def _read(self, output):
        with output, self.log.open("a") as log:
            for line in output:
                log.write(line)
                log.flush()
                self.last_lines.append(line.rstrip())
                self.show(self.name, line.rstrip())

    def signal(self, number):
        """Send a signal to the process and to those that it started; SIGCONT too where it must be
        awake to stop."""
        for each in (number, signal.SIGCONT) if number == self.stop_with else (number,):
            if self.running:
                signal_group(self.popen.pid, each)

    def end(self, deadline):
        """Wait until deadline for the process to be gone, then kill what is left of it."""
        if self.popen is None:
            return
        try:
            self.popen.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            self.show(self.name, "does not stop: killed")
        kill_group(self.popen.pid)
        self.popen.wait()
        self.reader.join(timeout=1)

    def died(self):
        """Note a death that nobody asked for; True if there were too many."""
        now = time.monotonic()
        self.deaths.append(now)
        recent = sum(now - death < WITHIN for death in self.deaths)
        self.due = now + min(FIRST_PAUSE * 2 ** (recent - 1), LONGEST_PAUSE)
        return recent >= TOO_MANY

    def facts(self):
        """What `./lab ps` shows; memory in bytes, of the process and those that it started."""
        state = "running" if self.running else "restarting" if self.wanted else "stopped"
        facts = {
            "name": self.name,
            "state": state,
            "pid": None,
            "memory": 0,
            "up": 0.0,
            "starts": self.starts,
        }
        if self.running:
            facts |= {
                "pid": self.popen.pid,
                "memory": memory(self.popen.pid),
                "up": time.time() - self.started_at,
            }
        return facts


class Supervisor:
    """Keeps processes running from a thread of its own, until stop(); ended is set when one of them
    could not be kept."""

    def __init__(self, show, changed=lambda: None):
        self.show = show
        self.changed = changed
        self.processes = {}
        self.lock = threading.RLock()
        self.ended = threading.Event()
        self.exit_code = 0
        self._stopping = threading.Event()
        self.thread = threading.Thread(target=self._watch, daemon=True)
        self.thread.start()

    def add(self, process):
        with self.lock:
            self.processes[process.name] = process
            process.start()
            self.changed()

    def _watch(self):
        while not self._stopping.wait(0.02):
            with self.lock:
                for process in self.processes.values():
                    self._look_at(process)

    def _look_at(self, process):
        if not process.wanted or process.running or self.ended.is_set():
            return
        if process.popen is not None:
            code = process.popen.poll()
            kill_group(process.popen.pid)
            process.reader.join(timeout=1)
            process.popen = None
            self._note_death(process, code)
        elif time.monotonic() >= process.due:
            process.start()
            self.changed()

    def _note_death(self, process, code):
        says = [
            f"ended with {describe(code)}; its last lines:",
            *(f"  {line}" for line in process.last_lines),
        ]
        if code == WRONG_SETTING:
            self._give_up(
                process, ["cannot start as it is configured:", *process.last_lines], WRONG_SETTING
            )
        elif process.died():
            self._give_up(process, [*says, f"{TOO_MANY} deaths within {WITHIN:g} s: giving up"], 1)
        else:
            for line in [*says, f"starting again in {process.due - time.monotonic():.1f} s"]:
                self.show(process.name, line)

    def _give_up(self, process, lines, exit_code):
        for line in lines:
            self.show(process.name, line)
        self.exit_code = exit_code
        self.ended.set()

    def find(self, name):
        if name not in self.processes:
            raise LookupError(
                f"there is no process named {name}; there are: {', '.join(self.processes)}"
            )
        return self.processes[name]

    def kill(self, name, number=signal.SIGKILL):
        """Send a signal; a process that dies of it is started again as after any death, but that is
        no one's fault."""
        with self.lock:
            process = self.find(name)
            started = family(process.popen.pid) if process.running else []
            process.signal(number)
            if number == signal.SIGKILL and process.popen is not None:
                process.popen.wait()
                process.reader.join(timeout=1)
                kill_group(process.popen.pid)
                wait_until_gone(started)
                process.popen = None
                process.due = time.monotonic() + FIRST_PAUSE

    def stop(self, name):
        with self.lock:
            process = self.find(name)
            process.wanted = False
            process.signal(process.stop_with)
            process.end(time.monotonic() + PATIENCE)

    def start(self, name):
        with self.lock:
            process = self.find(name)
            if not process.running:
                process.wanted = True
                process.popen = None
                process.due = 0.0
                process.deaths.clear()
                process.start()

    def stop_all(self, *, at_once=False):
        """Stop everything, what was started last first; each gets PATIENCE seconds for what it has
        to finish.

        With at_once all are killed at the same time, except those that have a signal of their own
        to stop with: PostgreSQL would leave memory to the machine."""
        self._stopping.set()
        self.thread.join()
        with self.lock:
            if at_once:
                self._end(list(self.processes.values()), at_once=True)
            for name in reversed([] if at_once else self.processes):
                self.stop(name)

    def remove(self, names, *, at_once=False):
        """Stop some processes at the same time, and forget them."""
        with self.lock:
            self._end([self.find(name) for name in names], at_once=at_once)
            for name in names:
                del self.processes[name]
            self.changed()

    def _end(self, processes, *, at_once):
        for process in processes:
            process.wanted = False
            is_killed = at_once and process.stop_with == signal.SIGTERM
            process.signal(signal.SIGKILL if is_killed else process.stop_with)
        for process in processes:
            process.end(time.monotonic() + PATIENCE)

    def mend(self):
        """Start what is stopped or dead, let go on what was halted, and forget all deaths."""
        with self.lock:
            self.ended.clear()
            for process in self.processes.values():
                process.signal(signal.SIGCONT)
                process.deaths.clear()
                if not process.running:
                    process.end(0)
                    self.start(process.name)

    def facts(self):
        with self.lock:
            return [process.facts() for process in self.processes.values()]

    def pids(self):
        """{name: (process id, when that process was made)}, by which it can be told from a later
        one with the same id."""
        with self.lock, suppress(psutil.NoSuchProcess):
            return {
                process.name: (process.popen.pid, psutil.Process(process.popen.pid).create_time())
                for process in self.processes.values()
                if process.running
            }
        return {}


def signal_group(pid, number):
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, number)


def kill_group(pid):
    signal_group(pid, signal.SIGKILL)


def memory(pid):
    """Resident bytes of a process and its descendants; pages that they share count once for
    each."""
    try:
        return sum(each.memory_info().rss for each in family(pid))
    except psutil.Error:
        return 0


def family(pid):
    """A process and its descendants; nothing where it is gone."""
    try:
        process = psutil.Process(pid)
        return [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def wait_until_gone(processes):
    """Wait a little until the kernel has ended what was killed, and closed its connections."""
    deadline = time.monotonic() + GONE_WITHIN
    while any(map(_lives, processes)) and time.monotonic() < deadline:
        time.sleep(0.005)


def _lives(process):
    with suppress(psutil.NoSuchProcess):
        return process.status() != psutil.STATUS_ZOMBIE
    return False


def describe(code):
    return f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"


def readable(line):
    """A JSON log line in the order that a person reads it; any other line as it is."""
    try:
        entry = json.loads(line)
        head = [str(entry.pop("time"))[11:23], str(entry.pop("level")), str(entry.pop("message"))]
    except (ValueError, KeyError, AttributeError, TypeError):
        return line
    entry.pop("logger", None)
    return " ".join([*head, *(f"{name}={value}" for name, value in entry.items())])
