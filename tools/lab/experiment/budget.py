"""What a running step may use, read from its processes: two steps are compared with the same."""

import os
import re
import subprocess
import sys
from collections import Counter

from tools.lab.ground.failed import Failed

OF_POSTGRES = ("shared_buffers", "work_mem", "max_connections", "fsync")
HEAP = re.compile(r"-Xmx(\w+)")
THREADS = re.compile(r"^threads\s+= (\d+)$", re.MULTILINE)
# makes the application that gunicorn serves, and prints how many connections each of its pools may
# open
POOLS = """
import gc, importlib, sys
from sqlalchemy.pool import QueuePool
module, _, call = sys.argv[1].partition(":")
application = eval(call, vars(importlib.import_module(module)))
pools = [each for each in gc.get_objects() if isinstance(each, QueuePool)]
print(*sorted(each.size() + each._max_overflow for each in pools))
"""


def budget_of(system):
    """{what it may use: how much}"""
    processes = system.supervisor.processes
    return {
        "cores": str(cores()),
        "processes": ", ".join(processes),
        **{
            f"{what} of {name}": read(process)
            for name, process in processes.items()
            if process.command[0] == "gunicorn"
            for what, read in (("threads", threads), ("pools", pools))
        },
        **{
            f"PostgreSQL of {owner}": of_postgres(server)
            for owner, server in system.servers.items()
        },
        **{
            f"heap of {name}": found[1]
            for name, process in processes.items()
            if (found := HEAP.search(" ".join(process.command)))
        },
    }


def cores():
    """How many this process, and so every process that it starts, may run on."""
    is_limited = hasattr(os, "sched_getaffinity")
    return len(os.sched_getaffinity(0)) if is_limited else os.cpu_count()


def threads(process):
    """How many requests an instance of a process serves at the same time, as gunicorn says it."""
    program, *words = process.command
    found = THREADS.search(said(process, [program, "--print-config", *words]))
    if not found:
        raise Failed(f"gunicorn does not say how many threads {process.name} has")
    return found[1]


def pools(process):
    """How many connections to the database the pools of an instance may open."""
    sizes = Counter(said(process, [sys.executable, "-c", POOLS, process.command[-1]]).split())
    return " and ".join(f"{count} of {size} connections" for size, count in sizes.items())


def said(process, command):
    """What a command prints in the environment of a process."""
    done = subprocess.run(
        command,
        env=process.environment,
        cwd=process.options.get("cwd"),
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise Failed(f"the budget of {process.name} is not known: {done.stderr[-500:]}")
    return done.stdout


def of_postgres(server):
    with server.connect() as connection:
        values = {name: connection.execute(f"show {name}").fetchone()[0] for name in OF_POSTGRES}
    return ", ".join(f"{name} {value}" for name, value in values.items())
