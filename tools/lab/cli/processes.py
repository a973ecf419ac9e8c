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
    """The state folder of what runs: the one that LAB_STATE names, or that of this checkout's step,
    or of another one."""
    if named := os.environ.get("LAB_STATE"):
        return Path(named)
    states = [HERE.state, *sorted((HERE.home / ".lab" / "state").glob("*"))]
    return next((state for state in states if running(state)), HERE.state)


def the_running():
    noted = running(the_state())
    if noted is None:
        raise Failed("nothing is running here; start it with ./lab up")
    return noted


def ask(*words):
    done, answer = control.ask(the_running(), *words)
    if not done:
        raise Failed(answer, 2)
    return answer


@click.command()
def ps():
    """List what is running: processes and backing services."""
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
    "wanted",
    default="KILL",
    show_default=True,
    help="Its name or number, such as STOP, CONT, TERM or 9.",
)
def kill(name, wanted):
    """Send a signal to the process NAME; if it dies of it, it is started again."""
    try:
        number = (
            signal.Signals(int(wanted))
            if wanted.isdigit()
            else signal.Signals[f"SIG{wanted.upper().removeprefix('SIG')}"]
        )
    except (ValueError, KeyError):
        raise Failed(f"there is no signal {wanted}", 2) from None
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
    """Stop and start every instance of NAME, one after the other, each until it is ready."""
    ask("restart", name)
