"""Each drill says what should go on working, is counted as it happened, and ends whole or is
reported."""

import io
import json
import re
from contextlib import contextmanager
from types import SimpleNamespace

import pytest
from rich.console import Console

from tools.lab.experiment import breaking
from tools.lab.experiment.drills import CONTROL, MAIL_DOWN, chosen, drills_of
from tools.lab.experiment.drills_of_services import of_provider
from tools.lab.experiment.hypothesis import JOURNEYS, expected
from tools.lab.experiment.outcome import broken, compared, counted, described, is_whole
from tools.lab.ground.failed import Failed
from tools.lab.ground.tree import HERE
from tools.lab.measure.judge import LOST, MONEY, SEATS
from tools.lab.report.drills import show_drills

STEPS = [f"{number:02}-name" for number in range(14)]
DRILLS = list(drills_of(HERE).values())
OUTCOME = {
    "title": "The mail server is stopped",
    "hypothesis": "Everything works.",
    "component": "mail",
    "expected": dict.fromkeys(JOURNEYS, "works"),
    "found": dict.fromkeys(JOURNEYS, "works"),
    "as_expected": True,
    "refusals": {},
    "requests": 48,
    "failed": 3,
    "failed_undisturbed": 0,
    "p50": 20.0,
    "slower": 2.0,
    "well_after": 0.4,
    "broken": {},
    "may_break": [],
    "healed": {},
    "charged": 0,
    "trouble": [],
    "faults": [[2.0, 8.0, "mail-down"]],
    "seconds": [],
}


def shown(**changed):
    """What is printed of one outcome."""
    text = io.StringIO()
    show_drills(Console(file=text, width=80), {"mail-down": {**OUTCOME, **changed}})
    return " ".join(text.getvalue().split())


@pytest.mark.parametrize("drill", DRILLS, ids=lambda drill: drill.name)
def test_a_drill_says_what_it_does_and_what_should_happen(drill):
    assert drill.title and drill.hypothesis.endswith(".") and drill.look.startswith("./lab ")
    for slug in STEPS:
        hoped = expected(drill, slug)
        assert list(hoped) == list(JOURNEYS)
        assert set(hoped.values()) <= {"works", "later", "fails"}


def test_no_two_drills_of_a_step_have_the_same_name():
    tree_with_all = [drill.name for drill in DRILLS]

    assert len(tree_with_all) == len(set(tree_with_all))
    assert tree_with_all[0] == "control"


def test_every_component_is_a_row_of_the_matrix():
    components = {drill.component for drill in DRILLS if drill.component}

    servers = {"postgres" if each == "monolith" else f"postgres-{each}" for each in HERE.owners}
    services = {"mail", "payments-sandbox", *(["kafka"] if HERE.topics else [])}
    assert components == {*HERE.processes(), *servers, *services}


def test_a_step_without_topics_has_no_drills_of_messages():
    tree = SimpleNamespace(
        slug="00-monolith", topics={}, owners=["monolith"], processes=lambda: {"web": []}
    )

    names = drills_of(tree)

    assert not [name for name in names if name.split("-")[0] in ("broker", "message")]
    assert "restart-web" not in names
    assert {"kill-web", "stop-web", "pause-web"} <= names.keys()


def test_a_process_of_which_no_drill_knows_is_reported():
    tree = SimpleNamespace(
        slug="09-name", topics={}, owners=["monolith"], processes=lambda: {"web": [], "till": []}
    )

    with pytest.raises(Failed, match="without the process till"):
        drills_of(tree)


def test_what_a_stopped_mail_server_stops_depends_on_the_step():
    before, after = (expected(MAIL_DOWN, slug) for slug in ("05-tables", "06-events"))

    assert (before["register"], before["welcome mail"]) == ("fails", "fails")
    assert (after["register"], after["welcome mail"]) == ("works", "later")


@pytest.mark.parametrize("slug", ["09-reads", "10-pending"])
def test_without_a_provider_nobody_can_book_unless_a_booking_may_be_pending(slug):
    down, slow, silent = of_provider(slug)

    found = expected(down, slug)

    is_pending = slug >= "10"
    assert found["book"] == ("works" if is_pending else "fails")
    assert found["confirmation mail"] == ("later" if is_pending else "fails")
    assert expected(silent, slug) == found
    assert expected(slow, slug)["book"] == "works"
    assert (slow.lasts < 5.0) == is_pending  # it is over before the provider's first answer


def test_a_drill_by_name_comes_with_the_control():
    assert list(chosen(HERE, ["mail-down"], False)) == ["control", "mail-down"]
    assert list(chosen(HERE, [], True)) == [drill.name for drill in DRILLS]
    assert all(drill.component or drill is CONTROL for drill in chosen(HERE, [], False).values())


def test_the_name_of_no_drill_is_one_line_with_all_names():
    with pytest.raises(Failed, match=r"no drill mail-up; there are: control, mail-down") as failed:
        chosen(HERE, ["mail-up"], False)

    assert failed.value.exit_code == 2


def test_every_drill_is_documented():
    text = (HERE.path / "docs" / "break.md").read_text()
    documented = re.findall(r"^\| `([A-Za-z.-]+)` \| ", text, re.MULTILINE)
    names = set()
    for drill in DRILLS:
        verb, _, rest = drill.name.partition("-")
        owner = next((each for each in HERE.owners if rest.endswith(f"-{each}")), None)
        is_of_process = verb in ("kill", "stop", "pause") and rest in HERE.processes()
        names.add(
            f"{verb}-NAME"
            if is_of_process
            else "database-FAULT-OWNER"
            if owner and verb == "database"
            else drill.name
        )

    assert names <= set(documented)


# Counting

READ, LATE_READ, UNSENT = (
    ("browse", 2.5, 2.5, 2.52, "200"),
    ("browse", 3.0, 3.0, 3.04, "200"),
    ("poll", 3.5, 3.5, float("inf"), "not sent: the previous request had no answer yet"),
)
REFUSED = ("book", 4.0, 4.0, 4.1, "503 unavailable")
TAKEN = ("hold", 4.5, 4.5, 4.6, "409 seat-taken")
BEFORE = ("browse", 1.0, 1.0, 1.5, "500")


def count(*results):
    event = SimpleNamespace(loaded=100.0, began=102.0, over=108.0)
    return counted({"results": results}, event, "mail-down", 12)


def test_requests_count_while_the_fault_was_on():
    found = count(BEFORE, READ, LATE_READ, REFUSED, TAKEN)

    assert (found["requests"], found["failed"]) == (4, 1)
    assert found["p50"] == 30.0
    assert found["faults"] == [[2.0, 8.0, "mail-down"]]
    assert found["seconds"][4] == {"good": 1, "failed": 1, "p50": None}


def test_a_visitor_who_still_waits_has_not_failed():
    found = count(READ, UNSENT)

    assert (found["requests"], found["failed"]) == (1, 0)


def test_reads_are_compared_with_those_of_the_control():
    control = {"p50": 20.0, "failed": 1}

    assert compared({"p50": 50.0}, control) == {"failed_undisturbed": 1, "slower": 2.5}
    assert compared({"p50": None}, control)["slower"] is None
    assert compared({"p50": 50.0}, None) == {"failed_undisturbed": None, "slower": None}


def test_a_charge_that_waits_for_its_hold_breaks_no_promise():
    left = {MONEY: ["Hold h1 has no booking, and 5 are kept", "Booking b1 cost 7"], SEATS: []}

    assert broken(SimpleNamespace(left=left)) == {MONEY: ["Booking b1 cost 7"]}


@pytest.mark.parametrize(
    ("changed", "ended_whole"),
    [
        ({}, True),
        ({"well_after": None}, False),
        ({"trouble": ["relay does not run"]}, False),
        ({"broken": {LOST: ["Booking b1 is gone"]}}, False),
        ({"broken": {LOST: ["Hold h1 is gone"]}, "may_break": [LOST]}, True),
    ],
)
def test_a_drill_is_whole_if_all_is_well_and_nothing_else_was_broken(changed, ended_whole):
    assert is_whole({**OUTCOME, **changed}) == ended_whole


# The event


class Visit:
    """A customer who only notes that it was their turn."""

    def __init__(self, order):
        self.order = order
        self.tried = {}

    def begin(self):
        self.order.append("visit")
        self.tried["browse"] = True


def happened(fault, order):
    """The event of a drill with this fault, on a system that is well at once."""
    drill = MAIL_DOWN._replace(fault=fault, lasts=0.0)
    event = breaking.Event(None, drill, Visit(order), well=lambda system, since, within: 0.1)
    event.begin(-breaking.BEFORE)
    event.join()
    return event


@contextmanager
def endless(system):
    yield
    raise Failed("Kafka does not start any more")


@contextmanager
def impossible(system):
    raise LookupError("there is no process named mail")
    yield


@pytest.mark.parametrize(
    ("fault", "why"), [(endless, "Kafka does not start"), (impossible, "no process named mail")]
)
def test_a_fault_that_does_not_begin_or_end_is_reported(fault, why):
    event = happened(fault, [])

    assert [why in line for line in event.trouble] == [True]
    assert event.visit.tried
    assert event.began <= event.over


def test_a_customer_comes_while_the_fault_is_on():
    order = []

    @contextmanager
    def fault(system):
        order.append("begins")
        yield
        order.append("ends")

    event = happened(fault, order)

    assert order == ["begins", "visit", "ends"]
    assert event.trouble == []


# The table


def test_a_wrong_hypothesis_is_shown_with_the_answer():
    found = {**OUTCOME["found"], "book": "fails"}

    text = shown(found=found, as_expected=False, refusals={"book": "503 unavailable"})

    assert "fails: book" in text
    assert "mail-down: book: fails (503 unavailable), expected was works" in text
    assert "in 0 of them customers could do what was expected" in text


def test_the_table_has_what_failed_how_slow_it_was_and_how_soon_it_was_well():
    found = dict.fromkeys(JOURNEYS, "fails")

    assert "mail-down works 3 of 48 2.0x 0.4 s" in shown()
    assert "fails: everything" in shown(found=found, expected=found)
    assert "3 of 48 none never" in shown(p50=None, slower=None, well_after=None)


def test_what_was_broken_is_shown_and_what_is_known_is_called_known():
    lost = {LOST: ["Hold h1 is gone"]}

    assert f"mail-down: broken: {LOST}. Hold h1 is gone" in shown(broken=lost)
    assert "broken 1 times, as is known of this step" in shown(broken=lost, may_break=[LOST])
    assert "0 of 1 drills ended whole" in shown(broken=lost)
    assert "1 of 1 drills ended whole" in shown(broken=lost, may_break=[LOST])


# With a system


@pytest.fixture(scope="module")
def outcomes():
    """{name: outcome} of a drill of this checkout."""
    names = chosen(HERE, ["mail-down"], False)
    carried_out = breaking.Breaking(HERE, list(names.values()), seed=1, log=lambda line: None)
    return {drill.name: outcome for drill, outcome in carried_out}


def test_a_drill_finds_what_a_stopped_mail_server_stops(outcomes):
    found = outcomes["mail-down"]["found"]

    assert outcomes["control"]["found"] == dict.fromkeys(JOURNEYS, "works")
    assert found == expected(MAIL_DOWN, HERE.slug)
    assert json.loads(json.dumps(outcomes)) == outcomes


def test_a_drill_ends_whole_and_counts_its_requests(outcomes):
    for outcome in outcomes.values():
        assert is_whole(outcome), outcome
        assert outcome["requests"] > 0
        assert outcome["slower"] is not None


def test_a_planted_wrong_hypothesis_differs_from_what_was_found(outcomes):
    wrong = MAIL_DOWN._replace(expected=(("00-", "fails", ("browse",)),))

    said = described(wrong, HERE.slug, outcomes["mail-down"]["found"])

    assert not said["as_expected"]
    assert said["expected"]["browse"] == "fails"
