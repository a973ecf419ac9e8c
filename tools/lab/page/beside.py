"""The page beside a system that runs: its own process, which ends with the lab."""

import subprocess
import sys
from contextlib import contextmanager, suppress

from tools.lab.ground.tree import HERE
from tools.lab.system.state import read, write

ENDS_WITHIN = 5.0  # seconds


@contextmanager
def served(tree, state):
    """Serve the page of the system on a state during the block."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tools.lab.page.server", str(state), str(tree.path)],
        cwd=HERE.path,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )
    noted = state / "page"
    try:
        write(noted, {"address": process.stdout.readline().strip()}, lasting=False)
        yield
    finally:
        noted.unlink(missing_ok=True)
        with suppress(subprocess.TimeoutExpired):
            process.communicate(timeout=ENDS_WITHIN)
        process.kill()
        process.wait()


def address_of(state):
    """The address of the page that is served for a state; empty if none is."""
    return read(state / "page").get("address", "")
