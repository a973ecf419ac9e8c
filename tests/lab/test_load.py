"""The generator keeps its times, a late run is void, and the search for a rate is bounded."""

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from rich.console import Console

from tools.lab.cli.load import VOID, run
from tools.lab.ground.failed import Failed
from tools.lab.measure import load, load_figures
from tools.lab.measure.generator import Generator
from tools.lab.measure.outcomes import NO_ANSWER
from tools.lab.measure.workload import NEXT, WEIGHTS, script, visits

EVENTS = {f"event-{number}": [f"{number}-{seat}" for seat in range(40)] for number in range(3)}
SHORT = {
    "rate": 10,
    "seconds": 3,
    "warm": 0.5,
    "seed": 1,
    "accounts": 8,
    "searching": False,
    "keep": False,
    "events": 4,
    "scale": {},
}
BRIEF = {**SHORT, "seconds": 0.5}


def planned(seed=1, rate=20, seconds=10):
    turns = script(seed=seed, rate=rate, seconds=seconds)
    return turns, visits(
        turns, seed=seed, accounts=[("a@load.example", "cookie")], seats=EVENTS, words=["Ferry"]
    )


def test_the_same_seed_gives_the_same_requests_at_the_same_times():
    turns, known = planned()
    again, known_again = planned()

    assert turns == again
    assert [(visit.event, visit.seats, visit.card) for visit in known.values()] == [
        (visit.event, visit.seats, visit.card) for visit in known_again.values()
    ]
    assert turns != planned(seed=2)[0]


def test_every_second_has_the_rate_and_every_operation_occurs():
    turns = script(seed=1, rate=200, seconds=20)

    assert [sum(int(turn.due) == second for turn in turns) for second in range(20)] == [200] * 20
    assert {turn.operation for turn in turns} == {
        *WEIGHTS,
        *(follows for follows, _ in NEXT.values()),
    }
    assert [turn.due for turn in turns] == sorted(turn.due for turn in turns)


def test_buyers_share_a_seat_only_where_it_is_contested_on_purpose():
    _, known = planned(rate=20, seconds=10)

    requested = [tuple(visit.seats) for visit in known.values() if visit.seats]
    different = set(requested)
    assert len(requested) - len(different) < len(requested) / 5
    assert len({seat for seats in different for seat in seats}) == sum(map(len, different))


@pytest.fixture
def stub():
    """A server that answers everything with an empty list, after .stall seconds once."""

    class Stub(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            with server.turn:  # one after the other, as a system with one thread would
                time.sleep(server.stall)
                server.stall = 0
            self.send_response(200)
            self.send_header("Content-Length", "12")
            self.end_headers()
            self.wfile.write(b'{"items":[]}')

        def log_message(self, *words):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Stub)
    server.daemon_threads = True
    server.turn = threading.Lock()
    server.stall = 0
    threading.Thread(target=server.serve_forever, args=[0.05], daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def test_latency_counts_from_when_a_request_was_due(stub, tmp_path):
    turns = [
        turn
        for turn in planned(rate=20, seconds=2)[0]
        if turn.operation in ("browse", "search", "one event", "seats")
    ]
    known = planned(rate=20, seconds=2)[1]
    stub.stall = 1.0

    with (tmp_path / "ledger").open("wb", buffering=0) as ledger:
        results = Generator(f"http://127.0.0.1:{stub.server_port}", turns, known, ledger).run(
            threads=40
        )

    first = turns[0].due
    held_up = [ended - due for _, due, _, ended, _ in results if due < first + 0.5]
    assert len(held_up) > 3
    assert min(held_up) > 0.4


def test_a_request_without_an_answer_is_an_error_and_not_repeated(tmp_path):
    turns, known = planned(rate=5, seconds=1)

    with (tmp_path / "ledger").open("wb", buffering=0) as ledger:
        results = Generator("http://127.0.0.1:1", turns, known, ledger).run(threads=4)

    assert {outcome for *_, outcome in results} == {NO_ANSWER}
    assert len(results) <= len(turns)


def measured(lag=0.0, cpu=0.1, took=0.01, outcome="200"):
    results = [
        ("browse", float(second), second + lag, second + took, outcome) for second in range(100)
    ]
    return load_figures.figures(
        {"results": results, "cpu": cpu, "connections": 1}, warm=10, seconds=90
    )


def test_figures_leave_the_warm_up_out():
    figures = measured(took=0.02)

    assert (figures["requests"], figures["operations"]["browse"]["count"]) == (90, 90)
    assert figures["operations"]["browse"]["p50"] == pytest.approx(20)
    assert figures["throughput"] == pytest.approx(1)


def test_a_run_is_void_if_the_generator_was_the_bottleneck():
    assert load_figures.why_void(measured()) == ""
    assert "late" in load_figures.why_void(measured(lag=0.006))
    assert "of a core" in load_figures.why_void(measured(cpu=0.3))


def test_a_rate_is_held_only_in_time_without_errors_and_in_full():
    assert load_figures.is_held(measured(), rate=1)
    assert not load_figures.is_held(measured(took=1.5), rate=1)
    assert not load_figures.is_held(measured(outcome="503 unavailable"), rate=1)
    assert not load_figures.is_held(measured(), rate=2)


@pytest.mark.parametrize("limit", [3, 37, 160, 900])
def test_the_search_comes_close_to_the_limit_within_its_probes(limit):
    probes = []

    held, failed = load.find_rate(lambda rate: probes.append(rate) or rate <= limit, 20)

    assert len(probes) <= load.PROBES
    assert held <= limit < failed
    assert failed - held <= max(3, held / 2)


@pytest.mark.parametrize("path", [["load", "--rate", "0"], ["load", "77"]])
def test_a_wrong_option_or_step_is_refused_without_a_stack_trace(path, make_lab):
    refused = make_lab()(*path)

    assert refused.returncode == 2
    assert "Traceback" not in refused.stderr


@pytest.fixture
def inside(monkeypatch):
    """Give this process the environment that a command of `./lab run` has; answer the system's
    tree."""

    def inside(system):
        for name, value in system.to_run().items():
            monkeypatch.setenv(name, value)
        return system.tree

    return inside


def test_a_short_run_against_a_real_system_ends_with_a_clean_audit(shared_encore, tmp_path, inside):
    path, out = tmp_path / "result.json", Console(quiet=True)

    code = run(out, inside(shared_encore.system), path=path, **SHORT)

    result = json.loads(path.read_text())
    assert {
        promise: violations for promise, violations in result["audit"].items() if violations
    } == {}
    assert code in (0, VOID)  # how fast the machine is decides which
    assert result["step"] == shared_encore.system.tree.slug


def starts(running):
    return {each["name"]: each["starts"] for each in running.system.supervisor.facts()}


def test_the_named_process_is_killed_in_the_middle_of_the_load(encore, tmp_path, inside):
    before = starts(encore)

    run(
        Console(quiet=True),
        inside(encore.system),
        kill="mail",
        path=tmp_path / "result.json",
        **SHORT,
    )

    after = starts(encore)
    assert {name for name in after if after[name] > before[name]} == {"mail"}
    assert json.loads((tmp_path / "result.json").read_text())["figures"].keys() >= {
        "failed",
        "broken",
    }


def test_no_figures_are_written_if_the_fault_was_refused(shared_encore, tmp_path, inside):
    tree = inside(shared_encore.system)

    with pytest.raises(Failed, match="there is no process named nobody"):
        run(Console(quiet=True), tree, kill="nobody", path=tmp_path / "result.json", **BRIEF)

    assert not (tmp_path / "result.json").exists()
