import subprocess
import sys
from types import SimpleNamespace

import pytest

from tools.lab.measure import bench, cpu
from tools.lab.measure.shopper import Connection

BURN = """import os, sys, threading, time
def burn(seconds):
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        pass
for line in sys.stdin:
    who, seconds = line.split()
    if who == "itself":
        burn(float(seconds))
    if who == "thread":
        thread = threading.Thread(target=burn, args=[float(seconds)])
        thread.start()
        thread.join()
    if who == "child":
        if not os.fork():
            burn(float(seconds))
            os._exit(0)
        os.wait()
    print("done", flush=True)
"""


@pytest.fixture
def burner():
    """A process that uses as many seconds of CPU time as a line of its input says: itself, or in a
    thread or a child that then ends."""
    process = subprocess.Popen(
        [sys.executable, "-c", BURN],
        text=True,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    with process:
        yield process
        process.stdin.close()


def system_of(**processes):
    return SimpleNamespace(pids=lambda: {name: each.pid for name, each in processes.items()})


def burn(process, seconds, who="itself"):
    process.stdin.write(f"{who} {seconds}\n")
    process.stdin.flush()
    assert process.stdout.readline() == "done\n"


def test_cpu_time_is_counted_for_each_request(burner):
    meter = cpu.Meter(system_of(burner=burner))

    cost = meter.measure(lambda: burn(burner, 0.5), 10)

    assert cost["burner"] == pytest.approx(50, rel=0.2)


@pytest.mark.parametrize("who", ["thread", "child"])
def test_cpu_time_of_what_has_ended_is_counted(burner, who):
    before = cpu.used({"burner": burner.pid})["burner"]

    burn(burner, 0.5, who)

    assert cpu.used({"burner": burner.pid})["burner"] - before == pytest.approx(500, rel=0.2)


def test_a_process_at_rest_costs_nothing(burner):
    meter = cpu.Meter(system_of(burner=burner))

    cost = meter.measure(lambda: None, 10)

    assert cost["burner"] < 1


def test_bare_routes_answer_the_rows_of_the_shop(fresh_encore):
    shop = Connection(fresh_encore.url)
    bare = Connection(bench.yardstick(fresh_encore.system))
    event_id = shop.ask("GET", "/api/events")["items"][0]["id"]
    seats = f"/api/events/{event_id}/seats"

    answers = {
        path: [[each["id"] for each in one.ask("GET", path)["items"]] for one in (shop, bare)]
        for path in ("/api/events", seats)
    }
    for each in (shop, bare):
        each.connections.close()

    for from_shop, from_bare in answers.values():
        assert from_shop == from_bare
