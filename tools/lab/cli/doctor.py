"""What the lab needs of a machine, whether it is here, and what mends it where it is not."""

import platform
import shutil
import subprocess
import sys

import click
import psutil
from rich.table import Table

from tools.lab.cli.terminal import out
from tools.lab.ground.tree import HERE
from tools.lab.services import kafka
from tools.lab.services.postgres import binaries

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
GIGABYTE = 10**9


def checks():
    """[(what, what was found, whether it will do, what mends it, whether it is required)]"""
    disk, memory = shutil.disk_usage(HERE.path).free, psutil.virtual_memory().available
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    yield (
        "Python",
        platform.python_version(),
        sys.version_info >= (3, 11),
        "install Python 3.11 or later, then: python3.11 lab",
        True,
    )
    yield "git", _version("git"), shutil.which("git"), "install git", True
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
        "apt install chromium (only the tests of the shop's pages need it)",
        False,
    )


def _version(program):
    if not shutil.which(program):
        return "not found"
    return subprocess.run([program, "--version"], capture_output=True, text=True).stdout.strip()


def report(out):
    """Print the checks; 1 if something required is missing, else 0."""
    table, missing = Table(box=None, show_header=False), 0
    for what, found, fine, mend, required in checks():
        table.add_row(
            "[green]ok[/]" if fine else "[red]missing[/]" if required else "[yellow]missing[/]",
            what,
            found,
            "" if fine else mend,
        )
        missing += required and not fine
    out.print(table)
    return int(missing > 0)


@click.command("doctor")
def doctor():
    """Say what is here, what is missing, and what mends it."""
    sys.exit(report(out))
