"""`./lab up --without NAME`: all processes but one run, and that one is for a debugger."""

import os
import shlex
from pathlib import Path

from tools.lab.ground.failed import Failed

USUAL = ("PATH",)  # ./lab exec sets it; an editor has its own


def checked(name, tree, scale):
    """The name of a process that can be left out; Failed if there is none, or if it has several
    instances."""
    if name not in tree.processes():
        raise Failed(f"there is no process {name}; there are: {', '.join(tree.processes())}", 2)
    if scale.get(name, 1) != 1:
        raise Failed(f"{name} cannot be left out: it is scaled to {scale[name]} instances", 2)
    return name


def leave_out(system, name):
    """Stop a process of a system that is ready; what to print about it. Its settings are written
    into a file that an editor can read, and are those that it had."""
    process = system.supervisor.find(name)
    system.supervisor.stop(name)
    settings = [
        f"{key}={shlex.quote(value)}"
        for key, value in sorted(process.environment.items())
        if os.environ.get(key) != value and key not in USUAL
    ]
    path = system.state / f"{name}.env"
    path.touch(mode=0o600)
    path.write_text("\n".join(settings) + "\n")
    return "\n".join(
        [
            f"{name} is left out. Its settings, which are also in {shown(path)}:",
            "",
            *settings,
            "",
            "Its command, with these settings:",
            "",
            f"    ./lab exec {name} -- {shlex.join(process.command)}",
            "",
        ]
    )


def shown(path):
    """A path as one types it in this folder."""
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)
