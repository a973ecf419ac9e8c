import subprocess
import sys
from types import SimpleNamespace

import pytest

from tools.lab.measure import bench, cpu
from tools.lab.measure.shopper import Connection

BURN = """import sys, time
for line in sys.stdin:
    end = time.thread_time() + float(line)
    while time.thread_time() < end:
        pass
    print("done", flush=True)
"""


@pytest.fixture
def burner():
    """A process that uses as many seconds of CPU time as a line of its input says."""
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


def burn(process, seconds):
    process.stdin.write(f"{seconds}\n")
    process.stdin.flush()
    assert process.stdout.readline() == "done\n"


def test_cpu_time_is_counted_for_each_request(burner):
    meter = cpu.Meter(system_of(burner=burner))

    cost = meter.measure(lambda: burn(burner, 0.5), 10)

    assert cost["burner"] == pytest.approx(50, rel=0.2)


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
