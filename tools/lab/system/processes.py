"""Processes under supervision: one that dies is started again, with a growing pause; one that keeps
dying is left, and the others go on.

A process writes to its log file itself, and what is new there is shown: it never waits for the lab
or for a terminal, and the lab may be suspended."""

import os
import signal
import subprocess
import threading
import time
from collections import deque
from contextlib import suppress

import psutil

from tools.lab.system.leftovers import (
    has_stopped,
    identity,
    kill_group,
    signal_group,
    wait_until_gone,
)

FIRST_PAUSE, LONGEST_PAUSE = 0.5, 8.0  # seconds
TOO_MANY, WITHIN = 5, 60.0  # deaths, seconds
PATIENCE = 10.0  # seconds from the signal to stop to SIGKILL
GONE_WITHIN = 1.0  # seconds from SIGKILL
STOPPED_WITHIN = 5.0  # seconds from SIGSTOP
WRONG_SETTING = 2  # the exit code of a process that cannot start as it is configured
LOOK_EVERY = 0.1  # seconds, where nobody waits
LONGEST_WAIT = 0.02  # seconds between two looks of somebody who waits
AT_ONCE = 65_536  # bytes of output that are shown at one look
LAST = 8  # lines


class Process:
    """A command that shall run, and ends at the signal stop_with within patience seconds. wanted is
    false while it is stopped on purpose; failed is the exit code of the lab that follows from it
    once it is given up. With once it shall end by itself, and ended_with is its exit code."""

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
        patience=PATIENCE,
        once=False,
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
        self.patience = patience
        self.once = once
        self.ended_with = None
        self.wanted = True
        self.failed = 0
        self.popen = None
        self.identity = None
        self.output = None
        self.unfinished = b""
        self.started_at = None
        self.due = 0.0
        self.kill_at = None
        self.deaths = deque(maxlen=TOO_MANY)
        self.starts = 0
        self.last_lines = deque(maxlen=LAST)

    @property
    def running(self):
        popen = self.popen
        return popen is not None and not has_ended(popen)

    def start(self):
        if self.prepare:
            self.prepare()
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            end = log.tell()
            self.popen = subprocess.Popen(
                self.command,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                **self.options,
            )
        self.output = self.log.open("rb")
        self.output.seek(end)
        self.identity = identity(self.popen.pid)
        self.kill_at = None
        self.started_at = time.monotonic()
        self.starts = self.starts + 1

    def show_output(self):
        """Show the lines that are new in the log; False if there are none."""
        if os.fstat(self.output.fileno()).st_size < self.output.tell():
            self.output.seek(0)  # somebody has emptied it
        read = self.output.read(AT_ONCE)
        *lines, self.unfinished = (self.unfinished + read).split(b"\n")
        for line in lines:
            self._show(line)
        return bool(read)

    def _show(self, line):
        text = line.decode(errors="replace").rstrip()
        self.last_lines.append(text)
        self.show(self.name, text)

    def reap(self):
        """Kill what an ended process has left of its group, show the rest of its output, and
        return its exit code.

        Until then nobody else can get its id; afterwards nothing is sent to that any more."""
        kill_group(self.popen.pid)
        wait_until_gone([self.popen.pid], GONE_WITHIN)
        code = self.popen.wait()
        while self.show_output():
            pass
        if self.unfinished:
            self._show(self.unfinished)
            self.unfinished = b""
        self.output.close()
        self.popen = None
        return code

    def signal(self, number):
        """Send a signal to the process and to those that it started; SIGCONT too where it must be
        awake to stop."""
        for each in (number, signal.SIGCONT) if number == self.stop_with else (number,):
            if self.running:
                signal_group(self.popen.pid, each)
        if number == signal.SIGSTOP and self.running:
            self._wait_until_stopped()

    def _wait_until_stopped(self):
        """Until then its threads may still do something, such as answer a request."""
        deadline = time.monotonic() + STOPPED_WITHIN
        while not has_stopped(self.popen.pid) and time.monotonic() < deadline:
            time.sleep(0.001)

    def died(self):
        """Note a death that nobody asked for; True if there were too many."""
        now = time.monotonic()
        self.deaths.append(now)
        recent = sum(now - death < WITHIN for death in self.deaths)
        self.due = now + min(FIRST_PAUSE * 2 ** (recent - 1), LONGEST_PAUSE)
        return recent >= TOO_MANY

    def facts(self):
        """What `./lab ps` shows; memory in bytes, of the process and those that it started."""
        popen = self.popen
        runs = popen is not None and not has_ended(popen)
        return {
            "name": self.name,
            "state": self._state(runs),
            "pid": popen.pid if runs else None,
            "memory": memory(popen.pid) if runs else 0,
            "up": time.monotonic() - self.started_at if runs else 0.0,
            "starts": self.starts,
        }

    def _state(self, runs):
        if runs:
            return "running" if self.wanted else "stopping"
        if self.failed:
            return "failed"
        return "restarting" if self.wanted else "stopped"


class Supervisor:
    """Keeps processes running until stop_all(). One thread starts and ends them, so that a command
    that is interrupted leaves none half started."""

    def __init__(self, show, changed=lambda: None):
        self.show = show
        self.changed = changed
        self.processes = {}
        self.lock = threading.RLock()
        self._news = threading.Event()
        self._stopping = False
        self.thread = threading.Thread(target=self._watch, daemon=True)
        self.thread.start()

    def add(self, process):
        """Have a process started, or, if it cannot be, treated as one that dies."""
        with self.lock:
            self.processes[process.name] = process
        self._wait(lambda: process.starts or process.deaths or process.failed)

    def run_once(self, process):
        """Run a process until it ends by itself; answers its exit code."""
        self.add(process)
        self._wait(lambda: process.ended_with is not None or process.failed)
        with self.lock:
            del self.processes[process.name]
        return process.failed if process.ended_with is None else process.ended_with

    def failures(self):
        """The processes that could not be kept."""
        with self.lock:
            return [process for process in self.processes.values() if process.failed]

    @property
    def exit_code(self):
        """What the lab shall end with: 0 unless a process has failed and was not started again."""
        return next((process.failed for process in self.failures()), 0)

    # What the thread does

    def _watch(self):
        while not self._stopping:
            self._news.wait(LOOK_EVERY)
            self._news.clear()
            with self.lock:
                for process in list(self.processes.values()):
                    self._look_at(process)

    def _look_at(self, process):
        """Nothing that goes wrong with one process, or with showing it, ends supervision."""
        try:
            self._care_for(process)
        except Exception as trouble:
            with suppress(Exception):
                self._say(process, f"could not be looked after: {trouble!r}")

    def _care_for(self, process):
        if process.popen is None:
            if process.wanted and not process.failed and time.monotonic() >= process.due:
                self._start(process)
            return
        process.show_output()
        if has_ended(process.popen):
            code = process.reap()
            if process.wanted:
                self._note_end(process, code)
            self.changed()
        elif process.kill_at is not None and time.monotonic() > process.kill_at:
            self._say(process, "does not stop: killed")
            process.kill_at = None
            kill_group(process.popen.pid)

    def _start(self, process):
        try:
            process.start()
        except Exception as trouble:
            process.last_lines.append(f"{process.name} cannot be started: {trouble}")
            is_missing = isinstance(trouble, FileNotFoundError)
            self._note_death(process, WRONG_SETTING if is_missing else 1)
        self.changed()

    def _note_end(self, process, code):
        if process.once:
            process.ended_with = code
            process.wanted = False
        else:
            self._note_death(process, code)

    def _note_death(self, process, code):
        if code == WRONG_SETTING:
            process.failed = WRONG_SETTING
            self._say(process, "cannot start as it is configured:", *process.last_lines)
            return
        last = (f"  {line}" for line in process.last_lines)
        self._say(process, f"ended with {describe(code)}; its last lines:", *last)
        if process.died():
            process.failed = 1
            self._say(process, f"{TOO_MANY} deaths within {WITHIN:g} s: left stopped")
        else:
            seconds = process.due - time.monotonic()
            self._say(process, f"starting again in {seconds:.1f} s")

    def _say(self, process, *lines):
        for line in lines:
            self.show(process.name, line)

    def _wait(self, check):
        """Have the thread look at once, and wait until it has done what is checked."""
        pause = 0.001
        while not check():
            self._news.set()
            time.sleep(pause)
            pause = min(pause * 1.5, LONGEST_WAIT)

    # What others ask for

    def find(self, name):
        if name not in self.processes:
            raise LookupError(
                f"there is no process named {name}; there are: {', '.join(self.processes)}"
            )
        return self.processes[name]

    def settings(self, name):
        """(environment, folder) of a process, also while it is stopped."""
        process = self.find(name)
        return process.environment, str(process.options.get("cwd", "/"))

    def kill(self, name, number=signal.SIGKILL):
        """Send a signal; a process that dies of it is started again as after any death, but that is
        no one's fault."""
        with self.lock:
            process = self.find(name)
            process.signal(number)
            if number == signal.SIGKILL and process.popen is not None:
                process.reap()
                process.due = time.monotonic() + FIRST_PAUSE
                self.changed()

    def stop(self, name):
        with self.lock:
            process = self.find(name)
        self._end([process])

    def start(self, name):
        process = self.find(name)
        if not process.wanted:
            self._wait(lambda: process.popen is None)
        with self.lock:
            if process.running:
                return
            if process.popen is not None:
                process.reap()
            starts = process.starts
            process.wanted = True
            process.failed = 0
            process.due = 0.0
            process.deaths.clear()
        self._wait(lambda: process.starts > starts or process.deaths or process.failed)

    def stop_all(self, *, at_once=False):
        """Stop everything, what was started last first; each gets its patience for what it has to
        finish.

        With at_once all are killed at the same time, except those that have a signal of their own
        to stop with: PostgreSQL would leave memory to the machine."""
        with self.lock:
            processes = list(self.processes.values())
            for process in processes:
                process.wanted = False
        if at_once:
            self._end(processes, at_once=True)
        for process in reversed(processes):
            self._end([process])
        self._stopping = True
        self.thread.join()

    def remove(self, names, *, at_once=False):
        """Stop some processes at the same time, and forget them."""
        with self.lock:
            processes = [self.find(name) for name in names]
        self._end(processes, at_once=at_once)
        with self.lock:
            for name in names:
                del self.processes[name]
            self.changed()

    def _end(self, processes, *, at_once=False):
        """Ask processes to stop, and wait until they have, or were killed after their patience."""
        with self.lock:
            for process in processes:
                process.wanted = False
                is_killed = at_once and process.stop_with == signal.SIGTERM
                process.signal(signal.SIGKILL if is_killed else process.stop_with)
                process.kill_at = time.monotonic() + process.patience
        self._wait(lambda: all(process.popen is None for process in processes))

    def mend(self):
        """Start what is stopped or dead, let go on what was halted, and forget all deaths."""
        with self.lock:
            processes = list(self.processes.values())
        for process in processes:
            process.signal(signal.SIGCONT)
            process.deaths.clear()
            if not process.running:
                self.start(process.name)

    def facts(self):
        with self.lock:
            processes = list(self.processes.values())
        return [process.facts() for process in processes]

    def pids(self):
        """{name: [process id, its identity, the signal that ends it in order]}."""
        with self.lock:
            return {
                process.name: [
                    process.popen.pid,
                    process.identity,
                    signal.SIGKILL if process.stop_with == signal.SIGTERM else process.stop_with,
                ]
                for process in self.processes.values()
                if process.running
            }


def has_ended(popen):
    """Whether a process has ended. It is not reaped by this, so nobody else can get its id."""
    with suppress(ChildProcessError):
        options = os.WEXITED | os.WNOHANG | os.WNOWAIT
        return os.waitid(os.P_PID, popen.pid, options) is not None
    return True


def memory(pid):
    """Bytes of memory of a process and its descendants: their PSS, in which pages that several
    processes share count once in all."""
    return sum(map(_memory, family(pid)))


def _memory(process):
    """The resident bytes where the PSS cannot be read, as outside Linux; 0 of one that has
    ended."""
    try:
        with suppress(psutil.AccessDenied, AttributeError):
            return process.memory_full_info().pss
        return process.memory_info().rss
    except psutil.Error:
        return 0


def family(pid):
    """A process and its descendants; nothing where it is gone."""
    try:
        process = psutil.Process(pid)
        return [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def describe(code):
    return f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
