"""The commands that act on the processes of a running system."""

import os
import signal
from datetime import timedelta
from pathlib import Path

import click
from rich.table import Table

from tools.lab.cli.terminal import out
from tools.lab.ground.failed import Failed
from tools.lab.ground.tree import HERE
from tools.lab.system import control
from tools.lab.system.state import running


def the_state():
    """The state folder of the running system: that of LAB_STATE, of this checkout's step, or of
    another step."""
    if named := os.environ.get("LAB_STATE"):
        return Path(named)
    states = [HERE.state, *sorted((HERE.home / ".lab" / "state").glob("*"))]
    return next((state for state in states if running(state)), HERE.state)


def the_running():
    state = running(the_state())
    if state is None:
        raise Failed("nothing is running here; start it with ./lab up")
    return state


def ask(*words):
    done, answer = control.ask(the_running(), *words)
    if not done:
        raise Failed(answer, 2)
    return answer


@click.command()
def ps():
    """List the processes and backing services that run."""
    table = Table("name", "state", "pid", "memory MB", "up", "starts", box=None)
    for each in ask("ps"):
        up_for = str(timedelta(seconds=round(each["up"]))) if each["pid"] else ""
        table.add_row(
            each["name"],
            each["state"],
            str(each["pid"] or ""),
            f"{each['memory'] / 1e6:.0f}",
            up_for,
            str(each["starts"]),
        )
    out.print(table)


@click.command()
@click.argument("name")
@click.option(
    "--signal",
    "which",
    default="KILL",
    show_default=True,
    help="Its name or number, such as STOP, CONT, TERM or 9.",
)
def kill(name, which):
    """Send a signal to the process NAME.

    A process that dies of it is started again."""
    try:
        number = (
            signal.Signals(int(which))
            if which.isdigit()
            else signal.Signals[f"SIG{which.upper().removeprefix('SIG')}"]
        )
    except (ValueError, KeyError):
        raise Failed(f"there is no signal {which}", 2) from None
    ask("kill", name, number)


@click.command()
@click.argument("name")
def stop(name):
    """Stop the process NAME, and leave it stopped."""
    ask("stop", name)


@click.command()
@click.argument("name")
def start(name):
    """Start the process NAME again after a stop."""
    ask("start", name)


@click.command()
@click.argument("name")
def restart(name):
    """Stop and start every instance of NAME, one after the other.

    The next one follows when the one before is ready."""
    ask("restart", name)
