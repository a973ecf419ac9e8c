"""What is left of processes that a test has seen."""

import psutil


def gone(pids):
    """Whether all of these have ended. A zombie has: only its parent does not know yet."""
    return not any(_lives(pid) for pid in pids)


def _lives(pid):
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
