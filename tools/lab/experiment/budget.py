"""What a running step may use, read from its processes: two steps are compared with the same."""

import os
import re
import subprocess

from tools.lab.ground.failed import Failed

OF_POSTGRES = ("shared_buffers", "work_mem", "max_connections", "fsync")
HEAP = re.compile(r"-Xmx(\w+)")
THREADS = re.compile(r"^threads\s+= (\d+)$", re.MULTILINE)


def budget_of(system):
    """{what it may use: how much}"""
    processes = system.supervisor.processes
    return {
        "cores": str(cores()),
        "processes": ", ".join(processes),
        **{
            f"threads of {name}": threads(process)
            for name, process in processes.items()
            if process.command[0] == "gunicorn"
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
    asked = subprocess.run(
        [process.command[0], "--print-config", *process.command[1:]],
        env=process.environment,
        cwd=process.options.get("cwd"),
        capture_output=True,
        text=True,
    )
    found = THREADS.search(asked.stdout)
    if not found:
        raise Failed(f"{process.name} does not say how many threads it has: {asked.stderr[-500:]}")
    return found[1]


def of_postgres(server):
    with server.connect() as connection:
        values = {name: connection.execute(f"show {name}").fetchone()[0] for name in OF_POSTGRES}
    return ", ".join(f"{name} {value}" for name, value in values.items())
