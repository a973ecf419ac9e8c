"""A run has the figures that its samples carry; each start of a prepared step begins with the same
rows."""

import threading
import time
from dataclasses import replace
from types import SimpleNamespace

import pytest

from tools.lab.experiment.comparison import make_runs, order
from tools.lab.experiment.history import HARMED
from tools.lab.experiment.journal import Journal
from tools.lab.experiment.result import Result, Run
from tools.lab.experiment.run import Fault, Plan, Prepared, fill, visitors
from tools.lab.experiment.run import run as run_once
from tools.lab.experiment.settings import Settings
from tools.lab.experiment.verdicts import TOO_FEW, verdicts
from tools.lab.experiment.window import Occurrence, Timeline
from tools.lab.ground.failed import Failed
from tools.lab.ground.tree import HERE
from tools.lab.measure.outcomes import NO_ANSWER, NOT_SENT

PLAN = Plan(warm=2.0, seconds=10.0)


def results(count=100, operation="browse", outcome="200", took=0.01, begin=2.0):
    """As many results of an operation, due one after the other within ten seconds."""
    dues = [begin + 10.0 * number / count for number in range(count)]
    return [(operation, due, due, due + took, outcome) for due in dues]


def filled(of, plan=PLAN, cpu=(), memory=()):
    run = Run("00-monolith")
    window = SimpleNamespace(cpu=dict(cpu), memory=dict(memory))
    fill(run, {"results": of, "cpu": 0.1, "cpu_ms": 0.3, "connections": 1}, window, plan)
    return run


def test_cpu_time_is_divided_by_the_requests_that_were_answered():
    of = [*results(100), *results(50, outcome=NO_ANSWER), *results(7, outcome=NOT_SENT)]

    run = filled(of, cpu={"web": 300.0, "postgres": 100.0}, memory={"web": 70.0, "postgres": 30.0})

    assert run.by_process["cpu"] == {"web": 3.0, "postgres": 1.0}
    assert (run.figures["cpu"], run.figures["memory"]) == (4.0, 100.0)


def test_the_cost_of_the_generator_is_kept():
    of = [(name, due, due + 0.002, ended, outcome) for name, due, _, ended, outcome in results()]

    assert filled(of).generator == {"cpu_ms": 0.3, "lag_p99_ms": pytest.approx(2.0)}


def test_the_warm_up_is_in_the_seconds_and_in_no_figure():
    of = [*results(20, begin=0.0, took=5.0, outcome="500")[:4], *results(100, took=0.02)]

    run = filled(of)

    assert run.outcomes == {"browse 200": 100}
    assert run.figures["browse p50"] == pytest.approx(20)
    assert [each["failed"] for each in run.seconds] == [2, 2, *[0] * 10]
    assert run.seconds[0]["p50"] is None
    assert run.seconds[5] == {"good": 10, "failed": 0, "p50": 20.0}


def test_reads_are_one_figure_and_kept_one_by_one():
    run = filled([*results(60, "search", took=0.01), *results(59, "seats", took=0.03)])

    assert run.figures["browse p50"] == pytest.approx(10)
    assert run.figures["browse p95"] == pytest.approx(30)
    assert {name: len(each) for name, each in run.latencies.items()} == {"search": 60, "seats": 59}


@pytest.mark.parametrize(
    ("count", "carried"),
    [(9, []), (10, ["hold p50"]), (99, ["hold p50"]), (100, ["hold p50", "hold p95"])],
)
def test_a_percentile_that_its_samples_cannot_carry_is_left_out(count, carried):
    run = filled([*results(count, "hold", "201"), *results(200, "hold", "409 seat-taken")])

    assert [name for name in run.figures if name.startswith("hold")] == carried


def test_a_late_generator_makes_a_run_void_unless_there_was_a_fault():
    late = [(name, due, due + 0.1, ended, outcome) for name, due, _, ended, outcome in results()]
    fault = Fault("mail down", 3.0, 1.0, print, print)

    assert "late" in filled(late).void
    assert filled(late, PLAN._replace(faults=(fault,))).void == ""


def test_a_run_that_broke_a_promise_or_is_void_has_no_figure_to_compare():
    figures = {"cpu": 4.0, "browse p50": 9.0}
    runs = [
        Run("00-monolith", 0, figures=figures),
        Run("00-monolith", 1, figures=figures, broken={"A seat is sold once": ["Seat 1"]}),
        Run("00-monolith", 2, figures=figures, void="late"),
    ]

    result = Result("compare", "./lab compare", "machine", runs=runs)

    assert result.values("00-monolith", "browse p50") == {0: 9.0}


def test_the_bookings_and_holds_of_violations_are_found():
    id = "5a198f7c1e7d069bb64e5f3c9d1a2bff"
    other = "8bc7f93e36e9434fa3419867ad3b2257"

    assert HARMED.findall(f"Booking {id} is gone; Hold {other} has no booking, and 5 are kept") == [
        id,
        other,
    ]


# Faults


def occurrence(begin=lambda system: None, end=lambda system: None, after=0.02, lasts=0.02):
    fault = Fault("mail down", after, lasts, begin, end)
    return Occurrence(fault, "the system", lambda line: None)


def test_a_fault_is_made_and_repaired_at_its_times(eventually):
    done = []
    fault = occurrence(lambda system: done.append("begun"), lambda system: done.append(system))

    with Timeline([fault]) as timeline:
        timeline.start(0.0)

    began, ended, name = fault.noted
    assert done == ["begun", "the system"]
    assert name == "mail down"
    assert began <= ended


def test_what_fails_in_a_fault_ends_the_run_with_it():
    def refuse(system):
        raise Failed("there is no process named nobody", 2)

    with pytest.raises(Failed, match="nobody"), Timeline([occurrence(refuse)]) as timeline:
        timeline.start(0.0)


def test_a_load_that_fails_waits_for_no_fault_and_repairs_what_has_begun():
    begun = threading.Event()
    repaired = []
    first = occurrence(lambda system: begun.set(), repaired.append, after=0.0, lasts=1e6)
    second = occurrence(repaired.append, repaired.append, after=1e6)

    def load_that_fails():
        with Timeline([first, second]) as timeline:
            timeline.start(time.monotonic())
            begun.wait(10)
            raise Failed("the generator ended")

    with pytest.raises(Failed, match="generator"):
        load_that_fails()

    assert repaired == ["the system"]
    assert second.noted == []


# A whole step


@pytest.fixture(scope="module")
def prepared():
    plan = Plan(events=4, accounts=12, rate=10, warm=0.5, seconds=3, visitors=4)
    with Prepared(HERE, plan, lambda line: None) as prepared:
        yield prepared


def counts(system):
    found = []
    for table in ("accounts", "events", "bookings"):
        owner = table if table in system.servers else "monolith"
        with system.servers[owner].connect(owner) as connection:
            found.append(connection.execute(f"select count(*) from {table}").fetchone()[0])
    return found


def test_a_run_with_a_fault_shows_it_and_leaves_the_sample_data_as_it_was(prepared):
    before = []
    fault = Fault(
        "mail down",
        1.0,
        0.5,
        lambda system: before.append(counts(system)) or system.supervisor.stop("mail"),
        lambda system: system.supervisor.start("mail"),
    )

    run = run_once(prepared, prepared.plan._replace(faults=(fault,)))

    with prepared.start() as system:
        after = counts(system)
        visitors(system, prepared.plan)
        assert counts(system)[0] > after[0]
    [(began, ended, name)] = run.faults
    assert (name, began >= 1.0, ended >= began + 0.5) == ("mail down", True, True)
    assert len(run.seconds) == 4
    assert run.by_process["memory"].keys() >= {"web", "postgres"}
    assert run.figures["start"] > 0
    assert before[0][0] > after[0]
    assert prepared.budget["threads of web"].isdigit()
    assert prepared.budget["pools of web"].split()[0].isdigit()


def test_a_step_is_compared_with_itself_from_fresh_starts(prepared, tmp_path):
    settings = Settings.of([HERE.slug] * 2, quick=True, blocks=1, rate=20.0, seconds=3.0)
    settings = settings._replace(events=prepared.plan.events, visitors=4)
    names = [HERE.slug, f"{HERE.slug} (2)"]
    journal = Journal(tmp_path / "journal")
    journal.begin({"settings": settings._asdict()})

    def fresh(name, *draw):  # a slow machine is no reason to begin a block again
        return replace(run_once(prepared, settings.plan(), *draw), void="")

    is_clean = make_runs(order(names, 1, seed=1), fresh, journal)

    files = dict.fromkeys(names, "a")
    result = Result("compare", settings.command(), "m", files=files, runs=journal.runs())
    found = {each.figure: each for each in verdicts(result)}
    assert is_clean
    assert [run.broken for run in journal.runs()] == [{}] * 2
    assert found["cpu"].verdict == TOO_FEW
    assert found["cpu"].pairs == found["start"].pairs == 1
