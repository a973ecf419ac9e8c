"""Gives back the charges that have no booking, with the command that a step has for it."""

import os
import subprocess
import sys

from tools.lab.ground.failed import Failed

COMMAND = (sys.executable, "-m", "flask", "--app", "monolith.app", "reconcile")
NO_SUCH_COMMAND = 2  # exit code of click


def reconcile(tree, settings):
    """Run `flask --app monolith.app reconcile` of a tree on the system with these settings; whether
    the step has it."""
    environment = {
        **os.environ,
        **settings,
        "DATABASE_URL": settings.get("MONOLITH_DATABASE_URL", ""),
        "PYTHONPATH": str(tree.path),
    }
    ended = subprocess.run(COMMAND, env=environment, cwd=tree.path, capture_output=True, text=True)
    if ended.returncode == NO_SUCH_COMMAND and "No such command" in ended.stderr:
        return False
    if ended.returncode:
        raise Failed(f"reconcile ended with exit code {ended.returncode}: {ended.stderr[-500:]}")
    return True
