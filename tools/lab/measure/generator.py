"""Sends the requests of a workload, each at the time that was decided in advance.

As a program, `python -m tools.lab.measure.generator` reads a plan from standard input. It prints
the time.monotonic() of the start, and then its results, each as a line of JSON: see generate().
SIGTERM ends it early, and so does the end of the program that started it."""

import gc
import json
import math
import os
import signal
import sys
import threading
import time
from contextlib import ExitStack, suppress
from pathlib import Path

from tools.lab.measure.connections import Kept
from tools.lab.measure.outcomes import NOT_SENT, is_in_time, outcome
from tools.lab.measure.workload import IN_LEDGER, REQUESTS, script, visits

TIMEOUT = 10.0  # seconds
LOOK_EVERY = 0.2  # seconds
MOST_THREADS = 1000


class Generator:
    """Threads that each take the next turn, sleep until it is due, and send its request.

    No thread hands a request to another: that would take time when the request is due. The run
    stops as soon as more than may_miss requests were not answered in time, or stop is set. With a
    file for answers, each result is a line of it at once: operation, due, ended, outcome; in
    seconds since 1970."""

    def __init__(
        self,
        url,
        turns,
        visits,
        ledger,
        *,
        may_miss=math.inf,
        answers=None,
        stop=None,
    ):
        self.turns = iter(turns)
        self.visits = visits
        self.ledger = ledger
        self.connections = Kept(url, timeout=TIMEOUT)
        self.results = []
        self.answers = answers
        self.stop = stop or threading.Event()
        self.may_miss = may_miss
        self.started = 0
        self.missed = 0

    def run(self, threads, begin=lambda at: None):
        """[(operation, due, sent, ended, outcome)], all in seconds from the start; begin()
        is called before, with the time.monotonic() of it."""
        workers = [threading.Thread(target=self._work, daemon=True) for _ in range(threads)]
        self.started = time.monotonic() + 0.05 + 0.0005 * threads
        begin(self.started)
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        self.connections.close()
        return self.results

    def _work(self):
        for turn in self.turns:
            self.stop.wait(self.started + turn.due - time.monotonic())
            if self.stop.is_set():
                return
            self._take(turn, self.visits[turn.visit])

    def _take(self, turn, visit):
        if visit.is_waiting:
            self._add(turn, turn.due, math.inf, NOT_SENT)
            return
        request = REQUESTS[turn.operation](visit)
        if not request:
            return
        visit.is_waiting = True
        answer = self.connections.ask(*request, visit.cookie)
        ended = time.monotonic()
        if turn.operation in IN_LEDGER:
            update(visit, turn.operation, answer)
            self.ledger.write(entry(turn.operation, visit.email, request, answer).encode())
        visit.is_waiting = False
        self._add(turn, answer.sent - self.started, ended - self.started, outcome(answer))

    def _add(self, turn, sent, ended, outcome):
        self.results.append((turn.operation, turn.due, sent, ended, outcome))
        if self.answers:
            since = self.started + time.time() - time.monotonic()
            ended_at = turn.due if outcome == NOT_SENT else ended
            line = [turn.operation, since + turn.due, since + ended_at, outcome]
            self.answers.write(f"{json.dumps(line)}\n".encode())
        self.missed += not is_in_time(turn.due, ended, outcome)
        if self.missed > self.may_miss:
            self.stop.set()


def update(visit, operation, answer):
    """Keep the hold or the booking that a visit has now."""
    if operation == "hold" and answer.status == 201:
        visit.hold = answer.json["id"]
    if operation == "book" and answer.status == 201 and answer.json["status"] != "declined":
        visit.booking = answer.json["id"]


def entry(operation, email, request, answer):
    """A line of the ledger."""
    _, path, body = request
    fields = {
        "operation": operation,
        "email": email,
        "path": path,
        "body": body or {},
        "status": answer.status,
        "answer": answer.json,
        "at": time.time(),
    }
    return json.dumps(fields) + "\n"


def generate(plan, begin, stop=None):
    """Run a plan; {results, gave_up, cpu, cpu_ms, connections}: the generator used this share of a
    core, and so many milliseconds of CPU time for a request. The event stop ends it early."""
    seconds = plan["warm"] + plan["seconds"]
    turns = script(seed=plan["seed"], rate=plan["rate"], seconds=seconds)
    known = visits(turns, **{name: plan[name] for name in ("seed", "accounts", "seats", "words")})
    threads = min(MOST_THREADS, 16 + round(plan["rate"] * TIMEOUT))
    may_miss = math.inf if plan["may_miss"] is None else len(turns) * plan["may_miss"]
    gc.collect()
    gc.disable()
    # if both need a core, the system has to wait, not the generator that measures it; only a
    # real-time policy sees to that; Linux allows it to root, and macOS has none
    with suppress(AttributeError, PermissionError):
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))
    # unbuffered, so that each line is one write: threads would mix lines of a buffered text file
    with ExitStack() as files:
        ledger, answers = (
            plan.get(name) and files.enter_context(Path(plan[name]).open("ab", buffering=0))
            for name in ("ledger", "answers")
        )
        options = {"may_miss": may_miss, "answers": answers, "stop": stop}
        generator = Generator(plan["url"], turns, known, ledger, **options)
        began = time.monotonic()
        cpu_began = time.process_time()
        results = generator.run(threads, begin)
        used = time.process_time() - cpu_began
        took = time.monotonic() - began
    return {
        "results": results,
        "gave_up": generator.stop.is_set(),
        "cpu": used / took,
        "cpu_ms": 1000 * used / max(1, len(results)),
        "connections": generator.connections.made,
    }


def stop_without(parent, stop):
    """Set an event once the process with this id, which has started us, has ended."""
    while os.getppid() == parent:
        time.sleep(LOOK_EVERY)
    stop.set()


def main():
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda number, frame: stop.set())
    threading.Thread(target=stop_without, args=[os.getppid(), stop], daemon=True).start()
    found = generate(json.load(sys.stdin), lambda at: print(at, flush=True), stop)
    with suppress(BrokenPipeError):
        print(json.dumps(found), flush=True)


if __name__ == "__main__":
    main()
