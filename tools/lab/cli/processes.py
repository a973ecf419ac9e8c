"""The commands that act on the processes of a running system."""

import os
import signal
from datetime import timedelta
from pathlib import Path

import click
from rich.panel import Panel
from rich.table import Table

from tools.lab.cli.terminal import out
from tools.lab.ground.failed import Failed
from tools.lab.ground.tree import HERE
from tools.lab.page.beside import address_of
from tools.lab.steps.chain import is_named
from tools.lab.system import control
from tools.lab.system.state import running


def note_step(context, parameter, name):
    context.meta["step"] = name


of_step = click.option(
    "--step",
    callback=note_step,
    expose_value=False,
    metavar="STEP",
    help="Of this step, where several are running.",
)


def the_state():
    """The state folder of the step that --step names; or else of the system that LAB_STATE names,
    or of the one that runs, or of this checkout's step."""
    if step := click.get_current_context().meta.get("step"):
        return state_of(step)
    if named := os.environ.get("LAB_STATE"):
        return Path(named)
    states = [state for state in all_states() if running(state)]
    if len(states) > 1:
        names = ", ".join(state.name for state in states)
        first = states[0].name[:2]
        raise Failed(f"these are running: {names}; name one, such as --step {first}", 2)
    return states[0] if states else HERE.state


def all_states():
    return sorted((HERE.home / ".lab" / "state").glob("[0-9][0-9]-*"))


def state_of(step):
    for state in all_states():
        if is_named(state.name, step):
            return state
    raise Failed(f"step {step} has no state here; start it with ./lab up {step}", 2)


def the_running():
    state = running(the_state())
    if state is None:
        raise Failed("nothing is running here; start it with ./lab up")
    return state


def ask(*words):
    return control.ask(the_running(), *words)


def where_to_look(run, slug):
    """The addresses and passwords of a running system, for a person."""
    lines = [
        f"The shop        {run['BASE_URL']}",
        f"The mail        {run['MAIL_URL'] or 'on the server of SMTP_URL'}",
        f"The API         {run['BASE_URL']}/api/openapi.json",
        f"A customer      fan@encore.example, password {run['FAN_PASSWORD']}",
        f"An organiser    organiser@encore.example, password {run['ORGANISER_PASSWORD']}",
    ]
    title = f"Encore, step {slug}"
    return Panel("\n".join(lines), title=title, border_style="green", expand=False)


def tell_page(state):
    """Print the address of the lab in a browser in one line, to be clicked."""
    out.print(f"The lab in a browser  {address_of(state) or 'cannot be shown'}", soft_wrap=True)


@click.command()
@of_step
def ps():
    """List the processes and backing services that run.

    The memory of a process is its PSS and that of the processes that it has started: pages that
    several processes share count once in all."""
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
    noted = the_running()
    out.print(where_to_look(noted["run"], noted["step"]))
    if address_of(the_state()):  # under `./lab run` there is none
        tell_page(the_state())


@click.command()
@of_step
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
@of_step
@click.argument("name")
def stop(name):
    """Stop the process NAME, and leave it stopped."""
    ask("stop", name)


@click.command()
@of_step
@click.argument("name")
def start(name):
    """Start the process NAME again after a stop."""
    ask("start", name)


@click.command()
@of_step
@click.argument("name")
def restart(name):
    """Stop and start every instance of NAME, one after the other.

    The next one follows when the one before is ready."""
    ask("restart", name)
