"""The processes of a lab that has ended without stopping them, and which process an id means.

Run as a program it waits until its lab has ended, however that came about, and ends what is left.
"""

import json
import os
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path

PROC = Path("/proc")
BOOT = PROC / "sys/kernel/random/boot_id"
IN_ORDER_WITHIN = 5.0  # seconds for those that have a signal of their own to stop with
GONE_WITHIN = 10.0  # seconds from SIGKILL


def identity(pid):
    """What tells the process with this id from another one that has the same id later; None if it
    has ended.

    The clock may be set meanwhile, so the moment of the start counts from the machine's own."""
    if not BOOT.exists():
        return _identity_elsewhere(pid)
    fields = _fields(pid)
    return f"{BOOT.read_text().strip()} {fields[19]}" if fields else None


def _fields(pid):
    """What _stat says of a process or a thread; None if it has ended."""
    fields = _stat(pid)
    return None if fields is None or fields[0] in "ZX" else fields


def _stat(pid):
    """What Linux says of a process, or a thread, behind its name: state, parent, group, ...; None
    if there is none."""
    try:
        return (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None


def _threads(group):
    """The _fields of every thread of this group. The first one of a process can end before the
    others, which keep its connections open until they have ended too."""
    members = [
        path for path in PROC.glob("[0-9]*") if (of := _stat(path.name)) and of[2] == str(group)
    ]
    every = (_fields(task.relative_to(PROC)) for path in members for task in path.glob("task/*"))
    return [fields for fields in every if fields]


def _identity_elsewhere(pid):
    import psutil  # Linux needs no more than the standard library

    with suppress(psutil.NoSuchProcess):
        process = psutil.Process(pid)
        if process.status() != psutil.STATUS_ZOMBIE:
            return str(process.create_time())
    return None


def signal_group(pid, number):
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, number)


def kill_group(pid):
    signal_group(pid, signal.SIGKILL)


def group_lives(pid):
    """Whether a process of this group has not ended yet."""
    try:
        os.killpg(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    if not BOOT.exists():
        return True
    return bool(_threads(pid))


def has_stopped(group):
    """Whether no thread of this group runs: a stop reaches one thread first, then the others."""
    return all(fields[0] == "T" for fields in _threads(group))


def wait_until_gone(groups, within):
    """Wait until the kernel has ended these groups, and closed their connections; False if it has
    not within so many seconds."""
    deadline = time.monotonic() + within
    while left := [pid for pid in groups if group_lives(pid)]:
        if time.monotonic() > deadline:
            return False
        time.sleep(0.005)
        groups = left
    return True


def end(children):
    """End those of {name: [pid, identity, signal]} that are still what they were; False if they
    cannot be ended."""
    left = {pid: number for pid, of, number in children.values() if identity(pid) == of}
    for pid, number in left.items():
        signal_group(pid, number)
        signal_group(pid, signal.SIGCONT)
    wait_until_gone(left, IN_ORDER_WITHIN)
    for pid in left:
        kill_group(pid)
    return wait_until_gone(left, GONE_WITHIN)


def main(path, pid, of):
    """Wait for the end of the lab with this id and identity, which holds the other end of our
    standard input; then end what it has noted at path."""
    sys.stdin.buffer.read()
    with suppress(FileNotFoundError, ValueError):
        noted = json.loads(Path(path).read_text())
        if (str(noted["pid"]), noted["created"]) == (pid, of):
            end(noted["children"])


if __name__ == "__main__":
    main(*sys.argv[1:])
