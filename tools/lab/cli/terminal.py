"""What the commands print with, and what stops them."""

import signal

from rich.console import Console

from tools.lab.system.processes import readable

COLOURS = ("cyan", "magenta", "green", "yellow", "blue", "red")
out, err = Console(highlight=False), Console(stderr=True, highlight=False)


class Interrupted(BaseException):
    """Somebody wants the lab to stop."""


def until_interrupted():
    """Turn Ctrl-C, SIGTERM and a terminal that is closed into Interrupted; a second one ends at
    once."""

    def interrupt(number, frame):
        for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(each, signal.SIG_DFL)
        raise Interrupted(number)

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, interrupt)


def shower():
    """Print a line of a process, prefixed with its name in a colour of its own."""
    colours = {}

    def show(name, line):
        colour = colours.setdefault(name, COLOURS[len(colours) % len(COLOURS)])
        out.print(f"[{colour}]{name:>17}[/] ", end="")
        out.print(readable(line), markup=False, soft_wrap=True)

    return show


def say(line):
    err.print(line, style="dim", markup=False, soft_wrap=True)


def progress(line):
    out.print(f"{line} ...", style="dim")
