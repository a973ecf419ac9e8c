"""The CPU time of a system by process, from the kernel's counters: where the money goes. It moves
less from run to run than a latency does."""

import time
from statistics import median

import psutil

from tools.lab.ground.waiting import eventually
from tools.lab.system.processes import family

CLOCK = 2  # CPUCLOCK_SCHED, with which the id of a process makes the id of its clock
REST_SECONDS = 5.0
LOOK_SECONDS = 0.25
AT_REST = 0.02  # of a core, for each process: an idle one polls, and writes a heartbeat
SHOWN = 0.02  # milliseconds: less than this is not shown


def used(pids):
    """{process: milliseconds of CPU that it and its descendants have used so far, with those that
    have ended} of {process: process id}."""
    return {name: sum(map(_of_process, family(pid))) for name, pid in pids.items()}


def _of_process(process):
    """From the kernel's clock of the process, which has nanoseconds and the threads that have
    ended; where there is no such clock, as outside Linux, in hundredths of a second."""
    try:
        times = process.cpu_times()
        ended = times.children_user + times.children_system
        try:
            own = time.clock_gettime((~process.pid << 3) | CLOCK)
        except OSError:
            own = times.user + times.system
        return 1000 * (own + ended)
    except psutil.Error:  # it has ended
        return 0.0


def is_at_rest(system):
    """Whether a system does next to nothing for a moment."""
    before = used(system.pids())
    time.sleep(LOOK_SECONDS)
    spent = _between(before, used(system.pids()))
    return sum(spent.values()) < 1000 * LOOK_SECONDS * AT_REST * len(spent)


class Meter:
    """Measures what work costs each process of a system beyond what the process uses at rest."""

    def __init__(self, system):
        self.system = system
        self.wait_for_rest()
        before = used(system.pids())
        time.sleep(REST_SECONDS)
        self.at_rest = {
            name: spent / REST_SECONDS
            for name, spent in _between(before, used(system.pids())).items()
        }

    def wait_for_rest(self):
        """Wait until nothing is left to do: messages are processed after a request's answer."""
        eventually(lambda: is_at_rest(self.system), within=60)

    def measure(self, work, count):
        """{process: milliseconds of CPU for each of the count requests that work() makes}"""
        began = time.monotonic()
        before = used(self.system.pids())
        work()
        self.wait_for_rest()
        spent = _between(before, used(self.system.pids()))
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
