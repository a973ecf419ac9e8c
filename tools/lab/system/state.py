"""The folder in which one system keeps its state: databases, Kafka's log, keys, logs, and what runs
on it."""

import contextlib
import json
import secrets
import shutil

import psutil

from tools.lab.ground.failed import Failed
from tools.lab.services.postgres import PostgreSQL
from tools.lab.system.processes import kill_group


def running(state):
    """What the system that runs on state has noted of itself; None if none does."""
    try:
        noted = json.loads((state / "running.json").read_text())
    except (FileNotFoundError, ValueError):
        return None
    return noted if _is_alive(noted["pid"], noted["created"]) else None


def clean_up(state):
    """Kill what a lab that was killed itself has left behind on state; Failed if it runs still."""
    if running(state):
        raise Failed(
            f"this step is running already, at {running(state)['run']['BASE_URL']}; stop it with "
            "Ctrl-C in its terminal"
        )
    with contextlib.suppress(FileNotFoundError, ValueError):
        for pid, created in json.loads((state / "running.json").read_text())["children"].values():
            if _is_alive(pid, created):
                kill_group(pid)
    (state / "running.json").unlink(missing_ok=True)


def _is_alive(pid, created):
    try:
        process = psutil.Process(pid)
        return process.create_time() == created and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@contextlib.contextmanager
def temporary_state(tree):
    """A state folder that is gone afterwards."""
    state = tree.home / ".lab" / "tmp" / secrets.token_hex(4)
    try:
        yield state
    finally:
        remove(state)


def remove(state):
    """Throw a state folder away, and what PostgreSQL had to keep elsewhere."""
    for server in _servers(state):
        shutil.rmtree(PostgreSQL(state / server, 0).home, ignore_errors=True)
    shutil.rmtree(state, ignore_errors=True)


def _servers(state):
    return ["postgres", *(path.name for path in state.glob("postgres-*"))]
