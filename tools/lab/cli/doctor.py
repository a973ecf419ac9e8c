"""The requirements of the lab: what is installed, what is missing, and the repair."""

import platform
import shutil
import subprocess
import sys

import click
import psutil
from rich.table import Table

from tools.lab.cli.terminal import out
from tools.lab.ground.browser import INSTALL, find_browser
from tools.lab.ground.failed import Failed
from tools.lab.ground.tree import HERE
from tools.lab.services import kafka
from tools.lab.services.postgres import binaries
from tools.lab.steps import chain as chains
from tools.lab.steps import git

GIGABYTE = 10**9


def checks():
    """(requirement, version or amount, is it enough, how to repair it, is it required) of each."""
    disk, memory = shutil.disk_usage(HERE.path).free, psutil.virtual_memory().available
    browser = find_browser()
    yield (
        "Python",
        platform.python_version(),
        sys.version_info >= (3, 11),
        "install Python 3.11 or later, then: python3.11 lab",
        True,
    )
    yield "git", _version("git"), shutil.which("git"), "install git", True
    yield _steps()
    yield (
        "PostgreSQL",
        _version(str(binaries() / "postgres")),
        (binaries() / "postgres").exists(),
        "rm -r .lab/venv && ./lab doctor",
        True,
    )
    yield "Kafka", kafka.version(), True, "", True
    yield (
        "disk",
        f"{disk / GIGABYTE:.1f} GB free",
        disk > 2 * GIGABYTE,
        "free 2 GB where this checkout is",
        True,
    )
    yield (
        "memory",
        f"{memory / GIGABYTE:.1f} GB available",
        memory > GIGABYTE,
        "close something: 1 GB is needed",
        True,
    )
    yield (
        "Chromium",
        browser or "not found",
        browser,
        f"{INSTALL} (the tests of the shop's pages and ./lab publish need it)",
        False,
    )


def _steps():
    """Whether this clone has the tags of the steps; an archive without git needs none."""
    try:
        if not git.is_here():
            return "steps", "not a git clone", True, "", False
        count = len(chains.read().steps)
    except Failed as trouble:
        return "steps", "not readable", False, str(trouble), False
    return "steps", f"{count} with tags", count > 0, chains.no_steps(), False


def _version(program):
    if not shutil.which(program):
        return "not found"
    return subprocess.run([program, "--version"], capture_output=True, text=True).stdout.strip()


def report(out):
    """Print the checks; 1 if something required is missing, else 0."""
    table, missing = Table(box=None, show_header=False), 0
    for name, found, fine, repair, required in checks():
        table.add_row(
            "[green]ok[/]" if fine else "[red]missing[/]" if required else "[yellow]missing[/]",
            name,
            found,
            "" if fine else repair,
        )
        missing += required and not fine
    out.print(table)
    return int(missing > 0)


@click.command("doctor")
def doctor():
    """Check what is installed on this machine, and what is missing."""
    sys.exit(report(out))
