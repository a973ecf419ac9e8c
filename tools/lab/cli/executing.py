"""The command that runs another one with the settings of a process."""

import os
import shutil

import click

from tools.lab.cli.processes import ask, of_step
from tools.lab.ground.failed import Failed


@click.command("exec", context_settings={"ignore_unknown_options": True})
@of_step
@click.argument("name", metavar="PROCESS")
@click.argument("command", nargs=-1, type=click.UNPROCESSED, required=True, metavar="-- COMMAND...")
def exec_(name, command):
    """Run COMMAND in the environment of PROCESS.

    COMMAND gets the settings of PROCESS and runs in its folder. PROCESS may be stopped; ./lab ps
    lists the names. The exit code is that of COMMAND."""
    environment, folder = ask("settings", name)
    program = shutil.which(command[0], path=environment.get("PATH"))
    if program is None:
        raise Failed(f"there is no command {command[0]}", 127)
    os.chdir(folder)
    os.execve(program, command, environment)  # noqa: S606
