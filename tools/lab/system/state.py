"""The folder in which one system keeps its state: databases, Kafka's log, keys, logs, and what runs
on it."""

import contextlib
import fcntl
import json
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tools.lab.ground.failed import Failed
from tools.lab.ground.tree import HERE
from tools.lab.services.postgres import PostgreSQL
from tools.lab.system import leftovers

OF_A_RUN = ("lock", "running.json", "page", "logs", "traces")  # in a state folder


def running(state):
    """What the system that runs on state has noted of itself; None if none does."""
    noted = read(state / "running.json")
    alive = "control" in noted and leftovers.identity(noted["pid"]) == noted["created"]
    return noted if alive else None


def lock(state):
    """An open file that keeps every other lab from this state, until it is closed or this process
    ends; Failed if another one has it."""
    state.mkdir(parents=True, exist_ok=True)
    file = (state / "lock").open("w")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        _refuse_running(state)
        raise Failed("this step is being started or stopped in another terminal") from None
    return file


def clean_up(state):
    """End what a lab that was killed itself has left behind on state; Failed if it runs still."""
    _refuse_running(state)
    if not leftovers.end(read(state / "running.json").get("children", {})):
        raise Failed("processes of an earlier ./lab up do not end; look for them with ps")
    (state / "running.json").unlink(missing_ok=True)


def _refuse_running(state):
    if noted := running(state):
        raise Failed(
            f"this step is running already, at {noted['run']['BASE_URL']}; stop it with "
            "Ctrl-C in its terminal"
        )


def watch(state):
    """Start a process that ends what is noted on state when this one has ended, even by SIGKILL;
    nothing but the end of its standard input ends it."""
    here = os.getpid()
    words = [str(state / "running.json"), str(here), leftovers.identity(here)]
    return subprocess.Popen(
        [sys.executable, "-m", "tools.lab.system.leftovers", *words],
        cwd=HERE.path,
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def read(path, say=lambda line: None):
    """The object in a state file; an empty one where there is none, and where it is broken, which
    is said."""
    try:
        value = json.loads(path.read_text())
    except FileNotFoundError:
        return {}
    except ValueError:
        value = None
    if not isinstance(value, dict):
        say(f"{path.name} is broken, as after a power failure; it is made anew")
        return {}
    return value


def write(path, value, *, lasting=True):
    """Write value as JSON into a file that only this user can read; the file is always the old one
    or the new one, and if it is lasting, a power failure too leaves it so."""
    with tempfile.NamedTemporaryFile(
        "w", dir=path.parent, prefix=f"{path.name}.", delete=False
    ) as file:
        json.dump(value, file)
        file.flush()
        if lasting:
            os.fsync(file.fileno())
    Path(file.name).replace(path)


@contextlib.contextmanager
def temporary_state(tree):
    """A state folder that is gone afterwards."""
    state = tree.home / ".lab" / "tmp" / secrets.token_hex(4)
    try:
        yield state
    finally:
        remove(state)


def copy(state, to):
    """Make a state folder that begins with what another one has now, on which nothing may run."""
    to.mkdir(parents=True)
    servers = [name for name in _servers(state) if (state / name).exists()]
    for path in state.iterdir():
        if path.name not in (*OF_A_RUN, *servers):
            _copy(path, to / path.name)
    for name in servers:
        _copy(PostgreSQL(state / name, 0).home, PostgreSQL(to / name, 0).home)


def _copy(path, to):
    """With owners, which PostgreSQL's files need."""
    subprocess.run(["cp", "-a", str(path), str(to)], check=True)


def remove(state):
    """Throw a state folder away, and what PostgreSQL had to keep elsewhere."""
    for server in _servers(state):
        shutil.rmtree(PostgreSQL(state / server, 0).home, ignore_errors=True)
    shutil.rmtree(state, ignore_errors=True)


def _servers(state):
    return ["postgres", *(path.name for path in state.glob("postgres-*"))]
