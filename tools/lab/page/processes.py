"""The processes of a running system, as `./lab ps` lists them, and whether they are halted."""

import time
from contextlib import contextmanager, suppress

import psutil

from tools.lab.ground.failed import Failed
from tools.lab.system import control
from tools.lab.system.state import running

PS_EVERY = 2.0  # seconds


def noted(state):
    """What the system on a state has noted of itself; Failed if none runs."""
    found = running(state)
    if found is None:
        raise Failed("the lab has ended")
    return found


def ask(state, *words):
    """The answer of the lab that runs on a state; Failed if it could not be done."""
    return control.ask(noted(state), *words)


@contextmanager
def opened(state):
    """A function that answers {name: what ps says of it}.

    ps takes a while, since it measures memory. What it said is corrected meanwhile by the ids that
    the lab notes whenever a process starts or ends."""
    facts, children, due = [], {}, 0.0

    def look():
        nonlocal facts, children, due
        noted_now = noted(state)["children"]
        if time.monotonic() > due:
            facts = ask(state, "ps")
            due = time.monotonic() + PS_EVERY
        elif noted_now != children:
            due = 0.0  # next time, so that this change is seen first
        children = noted_now
        pids = {name: pid for name, (pid, *_) in children.items()}
        return {each["name"]: corrected(each, pids.get(each["name"])) for each in facts}

    yield look


def corrected(facts, pid):
    """What ps has said of a process that has this id now, or none."""
    state = facts["state"]
    if pid is None and state == "running":
        state = "restarting"
    elif pid not in (None, facts["pid"]):
        state = "running"
    return {**facts, "pid": pid, "state": "halted" if is_halted(pid) else state}


def is_halted(pid):
    """Whether a process was sent SIGSTOP, and no SIGCONT since."""
    with suppress(psutil.Error):
        return pid is not None and psutil.Process(pid).status() == psutil.STATUS_STOPPED
    return False
