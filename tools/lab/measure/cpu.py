"""The CPU time of a system by process, from the kernel's counters: where the money goes. It moves
less from run to run than a latency does."""

import time
from pathlib import Path
from statistics import median

from tools.lab.ground.waiting import eventually
from tools.lab.system.processes import family

NANOSECONDS = 1e6  # in a millisecond
REST_SECONDS = 5.0
LOOK_SECONDS = 0.25
AT_REST = 0.1  # of a core, all processes together
SHOWN = 0.02  # milliseconds: less than this is not shown


def used(system):
    """{process: milliseconds of CPU that it and its descendants have used so far}"""
    return {
        name: sum(_of_process(each.pid) for each in family(process.popen.pid))
        for name, process in system.supervisor.processes.items()
        if process.running
    }


def _of_process(pid):
    """From schedstat, which counts nanoseconds; stat counts hundredths of a second."""
    total = 0
    for thread in Path(f"/proc/{pid}/task").glob("*/schedstat"):
        try:
            total += int(thread.read_text().split()[0])
        except (FileNotFoundError, ProcessLookupError):  # the thread has ended
            continue
    return total / NANOSECONDS


class Meter:
    """Measures what work costs each process of a system beyond what the process uses at rest."""

    def __init__(self, system):
        self.system = system
        self.wait_for_rest()
        before = used(system)
        time.sleep(REST_SECONDS)
        self.at_rest = {
            name: spent / REST_SECONDS for name, spent in _between(before, used(system)).items()
        }

    def wait_for_rest(self):
        """Wait until nothing is left to do: messages are processed after a request's answer."""
        eventually(self._is_at_rest, within=60)

    def _is_at_rest(self):
        before = used(self.system)
        time.sleep(LOOK_SECONDS)
        spent = sum(_between(before, used(self.system)).values())
        return spent < 1000 * LOOK_SECONDS * AT_REST

    def measure(self, work, count):
        """{process: milliseconds of CPU for each of the count requests that work() makes}"""
        began = time.monotonic()
        before = used(self.system)
        work()
        self.wait_for_rest()
        spent = _between(before, used(self.system))
        seconds = time.monotonic() - began
        return {
            name: max(0.0, milliseconds - seconds * self.at_rest.get(name, 0.0)) / count
            for name, milliseconds in spent.items()
        }


def _between(before, after):
    """What each process used between two readings; one that was started in between is left out."""
    return {name: after[name] - before[name] for name in after if name in before}


def figures(request, rounds):
    """The figures of one kind of request, from what each round measured."""
    names = [name for name in rounds[0] if median(each.get(name, 0.0) for each in rounds) >= SHOWN]
    by_process = {name: [each.get(name, 0.0) for each in rounds] for name in names}
    by_process["all"] = [sum(each.values()) for each in rounds]
    return {f"CPU of {name} for {request}, ms": values for name, values in by_process.items()}
