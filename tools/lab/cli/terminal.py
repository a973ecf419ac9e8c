"""What the commands print with, and what stops them."""

import os
import queue
import signal
import sys
import threading
from contextlib import contextmanager

from rich.console import Console
from rich.text import Text

from tools.lab.system.lines import readable

COLOURS = ("cyan", "magenta", "green", "yellow", "blue", "red")
KEPT = 1000  # texts for a reader who is slower than we are
READ_WITHIN = 1.0  # seconds, at the end
out, err = Console(highlight=False), Console(stderr=True, highlight=False)


class Interrupted(BaseException):
    """Somebody wants the lab to stop."""


def until_interrupted():
    """Turn Ctrl-C, SIGTERM and a terminal that is closed into Interrupted; a second one ends at
    once. Under nohup the terminal may be closed."""
    numbers = [signal.SIGINT, signal.SIGTERM]
    if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:
        numbers.append(signal.SIGHUP)

    def interrupt(number, frame):
        for each in numbers:
            signal.signal(each, signal.SIG_DFL)
        raise Interrupted(number)

    for number in numbers:
        signal.signal(number, interrupt)


class Patient:
    """Takes texts for a file, and writes them from a thread of its own: nobody waits for the
    reader. While the reader pauses, KEPT texts are kept, and the others are counted. gone is set
    once there is no reader any more."""

    def __init__(self, file):
        file.flush()
        self.file = file
        self.encoding = file.encoding
        self.texts = queue.Queue(KEPT)
        self.left_out = 0
        self.gone = threading.Event()
        threading.Thread(target=self._write_all, daemon=True).start()

    def write(self, text):
        try:
            self.texts.put_nowait(text)
        except queue.Full:
            self.left_out += 1

    def flush(self):
        """Nothing: that is what the thread is for."""

    def fileno(self):
        return self.file.fileno()

    def isatty(self):
        return self.file.isatty()

    def end(self):
        """Wait a moment until everything is written."""
        with self.texts.all_tasks_done:
            self.texts.all_tasks_done.wait_for(lambda: not self.texts.unfinished_tasks, READ_WITHIN)

    def _write_all(self):
        while True:
            text = self.texts.get()
            if self.left_out and self.texts.empty():
                text += f"({self.left_out} lines left out here; ./lab logs has them)\n"
                self.left_out = 0
            self._write(text.encode(self.encoding, "replace"))
            self.texts.task_done()

    def _write(self, data):
        try:
            while data and not self.gone.is_set():
                data = data[os.write(self.file.fileno(), data) :]
        except (BrokenPipeError, ConnectionError):
            self.gone.set()
        except OSError:  # a terminal that was closed, but also a full disk, which may be mended
            if self.isatty():
                self.gone.set()


@contextmanager
def patient():
    """out prints through a Patient meanwhile, which this gives."""
    before, out.file = out.file, Patient(sys.stdout)
    try:
        yield out.file
    finally:
        out.file.end()
        out.file = before


def shower():
    """Print a line of a process, with its name in a colour of its own; each in one piece, since
    several processes print at the same time."""
    colours = {}

    def show(name, line):
        shown = readable(name, line)
        if shown is None:
            return
        colour = colours.setdefault(name, COLOURS[len(colours) % len(COLOURS)])
        head = Text.assemble(f"{shown.moment:8} ", (f"{name:<8}", colour), " ")
        width = out.width if out.is_terminal else len(line)
        out.print(head.append(shown.text(width - len(head))), soft_wrap=True)

    return show


def say(line):
    err.print(line, style="dim", markup=False, soft_wrap=True)


def progress(line):
    out.print(f"{line} ...", style="dim")
