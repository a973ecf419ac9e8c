"""The generator keeps its times, a late run is void, and the search for a rate is bounded."""

import io
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace

import pytest
from rich.console import Console

from tools.lab.cli.load import VOID, exit_code, fault, run
from tools.lab.experiment import ladder, traffic
from tools.lab.experiment.result import Result, Run
from tools.lab.experiment.run import Plan
from tools.lab.experiment.traffic import Traffic
from tools.lab.ground.failed import Failed
from tools.lab.ground.http import Answer
from tools.lab.measure import load, load_figures
from tools.lab.measure.generator import Generator
from tools.lab.measure.outcomes import NO_ANSWER
from tools.lab.measure.workload import NEXT, WEIGHTS, script, visits
from tools.lab.report.terminal import print_result

EVENTS = {f"event-{number}": [f"{number}-{seat}" for seat in range(40)] for number in range(3)}
SHORT = Plan(rate=10, seconds=3, warm=0.5, visitors=8, events=4)
BRIEF = SHORT._replace(seconds=0.5)


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

    held, failed = ladder.find_rate(lambda rate: probes.append(rate) or rate <= limit, 20)

    assert len(probes) <= ladder.PROBES
    assert held <= limit < failed
    assert failed - held <= max(3, held / 2)


@pytest.mark.parametrize("path", [["load", "--rate", "0"], ["load", "77"]])
def test_a_wrong_option_or_step_is_refused_without_a_stack_trace(path, make_lab):
    refused = make_lab()(*path)

    assert refused.returncode == 2
    assert "Traceback" not in refused.stderr


class Closed:
    """A shop whose seats nobody can see: that side of a move is closed."""

    def ask(self, method, path, *more):
        if path.endswith("/seats"):
            return Answer(503)
        return Answer(200, b'{"items": [{"id": "somewhere", "artist": "The Ferry"}]}')

    def close(self):
        pass


def test_visitors_who_see_no_seats_may_come_later(monkeypatch, tmp_path):
    system = SimpleNamespace(to_run=lambda: {"BASE_URL": "http://127.0.0.1:1"})
    monkeypatch.setattr(load, "HERE", SimpleNamespace(path=tmp_path))
    monkeypatch.setattr(load, "Connections", lambda *words, **options: Closed())
    monkeypatch.setattr(traffic, "ACCOUNTS", 0)
    visitors = Traffic(system, rate=10, seed=1)

    for _ in range(2):
        with pytest.raises(Failed, match="cannot see the seats of an event: 503"):
            visitors.begin()
        visitors.end()


@pytest.fixture
def inside(monkeypatch):
    """Give this process the environment that a command of `./lab run` has; answer the system's
    tree."""

    def inside(system):
        for name, value in system.to_run().items():
            monkeypatch.setenv(name, value)
        return system.tree

    return inside


def test_a_short_run_against_a_real_system_ends_with_a_clean_audit(shared_encore, inside):
    result = run(inside(shared_encore.system), SHORT)

    [found] = result.runs
    assert found.broken == {}
    assert exit_code(result) in (0, VOID)  # how fast the machine is decides which
    assert found.step == shared_encore.system.tree.slug
    assert found.by_process["memory"].keys() == shared_encore.system.pids().keys()


def starts(running):
    return {each["name"]: each["starts"] for each in running.system.supervisor.facts()}


def test_the_named_process_is_killed_in_the_middle_of_the_load(encore, inside):
    before = starts(encore)

    result = run(inside(encore.system), SHORT._replace(faults=(fault("kill", "mail", after=2.0),)))

    after = starts(encore)
    [(began, _, name)] = result.runs[0].faults
    assert {name for name in after if after[name] > before[name]} == {"mail"}
    assert (name, began >= 2.0) == ("kill mail", True)
    assert "cpu" not in result.runs[0].figures


def test_there_is_no_result_if_the_fault_was_refused(shared_encore, inside):
    nobody = fault("kill", "nobody", after=0.5)

    with pytest.raises(Failed, match="there is no process named nobody"):
        run(inside(shared_encore.system), BRIEF._replace(faults=(nobody,)))


# What is printed


def printed(run, kind="load", **more):
    out = Console(file=io.StringIO(), width=80)
    result = Result(
        kind, "./lab load", "a machine", {"rate": 20}, {run.step: "files"}, runs=[run], **more
    )
    print_result(out, result)
    return out.file.getvalue()


def a_run(**more):
    return Run(
        "00-monolith",
        by_process={"cpu": {"web": 4.0}, "memory": {"web": 70.0}},
        latencies={"browse": [123.4] * 10},
        outcomes={"browse 200": 10, "sign in 201": 1},
        generator={"lag_p99_ms": 0.5, "cpu_ms": 0.3},
        **more,
    )


def test_a_run_prints_the_percentiles_that_its_samples_carry():
    lines = [line.split() for line in printed(a_run()).splitlines()]

    assert ["browse", "10", "123.4"] in lines
    assert ["sign", "in", "1"] in lines
    assert ["web", "4", "70"] in lines


@pytest.mark.parametrize(
    "spoiled",
    [
        {"broken": {"A seat is sold once": ["Seat 1"]}, "history": {"b1": ["bookings: id b1"]}},
        {"void": "the generator sent 9 ms late"},
    ],
)
def test_a_run_that_broke_a_promise_or_is_void_prints_no_latency(spoiled):
    text = printed(a_run(**spoiled))

    assert "123.4" not in text
    assert "Broken: A seat is sold once. Seat 1" in text or "Void: the generator" in text
    assert ("  bookings: id b1" in text) == ("history" in spoiled)


def test_a_fault_is_printed_with_the_seconds_in_which_requests_failed():
    seconds = [{"good": 9, "failed": 0, "p50": 1.0}, {"good": 7, "failed": 2, "p50": 1.0}]

    text = printed(a_run(faults=[[1.0, 1.2, "kill web"]], seconds=seconds))

    assert "kill web: from 1.0 s to 1.2 s of the load." in text
    assert "Failed requests: 2 (2 in second 1)." in text


def test_a_search_prints_how_each_rate_ended():
    probe = {"in_time": 1.0, "errors": 0, "throughput": 20.0, "lag_p99_ms": 0.1, "cpu": 0.1}
    probes = [
        {"rate": 20, **probe, "verdict": "held", "why": ""},
        {"rate": 40, **probe, "verdict": "void", "why": "late"},
    ]
    facts = {"00-monolith": {"limit": "the generator", "probes": probes}}
    figures = {"00-monolith": {"requests a second held": [20]}}

    text = printed(Run("00-monolith"), "rate", facts=facts, figures=figures)

    assert [line.split()[-1] for line in text.splitlines()[1:3]] == ["held", "late"]
    assert "20 requests a second held. The limit was the generator." in text
