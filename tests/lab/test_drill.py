"""The drill makes every kind of trouble, and counts what was lost, doubled or left stopped."""

import io
from random import Random
from types import SimpleNamespace

import pytest
from rich.console import Console

from tools.lab.measure import drill
from tools.lab.measure.audit import Verdict
from tools.lab.measure.drill import Repeat, counted
from tools.lab.measure.judge import LOST, MAIL, MONEY, PROOF, SEATS, STRANGERS
from tools.lab.measure.ledger import Ledger
from tools.lab.measure.trouble import Kills
from tools.lab.report.drill import show_drill

CLEAN = {promise: [] for promise in (SEATS, LOST, MONEY, MAIL, STRANGERS, PROOF)}
ADA = "ada@load.example"


class Repeats(list):
    """What a Drill has found."""

    def __init__(self, found, still_charged=()):
        super().__init__(found)
        self.still_charged = still_charged


def book(status, answer):
    return {
        "operation": "book",
        "email": ADA,
        "path": "/api/bookings",
        "body": {"hold_id": "h1"},
        "status": status,
        "answer": answer,
    }


REGISTERED = {"operation": "register", "body": {"email": ADA}, "status": 201, "answer": {}}
BOOKED = book(201, {"id": "b1", "status": "confirmed"})


def of(left, seen=CLEAN, healed=(), mails=()):
    ledger = Ledger([REGISTERED, BOOKED, book(None, {}), book(502, {}), book(503, {})])
    verdict = Verdict(seen={**CLEAN, **seen}, left={**CLEAN, **left}, healed=dict(healed))
    return counted(verdict, ledger, dict(mails))


def test_requests_are_counted_by_what_is_known_of_them():
    assert (of({}).requests, of({}).acknowledged, of({}).unknown) == (4, 1, 2)


@pytest.mark.parametrize(
    ("promise", "column"),
    [
        (LOST, "lost"),
        (SEATS, "oversold"),
        (MONEY, "doubled"),
        (MAIL, "mails_missing"),
        (STRANGERS, "other"),
        (PROOF, "other"),
    ],
)
def test_each_broken_promise_has_its_column_and_spoils_a_repeat(promise, column):
    repeat = of({promise: ["one", "two"]})
    repeat.well_after = 1.0

    assert getattr(repeat, column) == 2
    assert not repeat.is_clean()


def test_charges_without_a_booking_are_counted_apart_from_other_money():
    repeat = of({MONEY: ["Hold h2 has no booking, and 5 are kept", "Booking b1 cost 7"]})

    assert (repeat.charged, repeat.doubled) == (1, 1)


@pytest.mark.parametrize("still_charged", [[], ["h2"]])
def test_a_drill_fails_only_by_the_charges_that_nobody_gave_back(still_charged):
    repeat = Repeat(acknowledged=1, charged=1, well_after=1.0)
    found = (repeat, SimpleNamespace(acts=[], failed=[]), Verdict(CLEAN, CLEAN, {}))
    text = io.StringIO()

    is_clean = show_drill(Console(file=text, width=200), Repeats([found], still_charged))

    assert is_clean == (not still_charged)
    assert f"Of 1 charges without a booking, {1 - len(still_charged)} were given back" in (
        text.getvalue()
    )


def test_a_mail_that_comes_twice_is_counted_and_breaks_nothing():
    repeat = of({}, mails={(ADA, "b1"): 3, ("somebody@else.example", "b2"): 2})
    repeat.well_after = 1.0

    assert repeat.mails_doubled == 2
    assert repeat.is_clean()


@pytest.mark.parametrize("more", [{"well_after": None}, {"stopped": ["worker"]}])
def test_what_does_not_come_back_by_itself_spoils_a_repeat(more):
    assert Repeat(acknowledged=5, well_after=2.0).is_clean()
    assert not Repeat(**{"acknowledged": 5, "well_after": 2.0, **more}).is_clean()


def test_each_repeat_has_a_line_and_all_have_one():
    trouble = SimpleNamespace(acts=[(1.0, "kill web.1", None)], failed=[])
    lost = Verdict(seen=CLEAN, left={**CLEAN, LOST: ["Booking b1 is gone"]}, healed={})
    clean = Verdict(CLEAN, CLEAN, {})
    text = io.StringIO()

    is_clean = show_drill(
        Console(file=text, width=200),
        Repeats(
            [
                (Repeat(requests=15, acknowledged=7, well_after=1.5), trouble, clean),
                (Repeat(requests=9, acknowledged=5, lost=1, stopped=["relay"]), trouble, lost),
            ]
        ),
    )

    assert not is_clean
    assert "Booking b1 is gone" in text.getvalue()
    assert "1 of 2 repeats kept every promise" in text.getvalue()
    assert text.getvalue().splitlines()[-3].split()[:5] == ["all", "24", "12", "0", "1"]
    assert text.getvalue().splitlines()[-3].split()[-3:] == ["1.5", "s", "relay"]


def test_each_instance_of_the_step_is_killed_three_times_and_nothing_else():
    names = ["web.1", "web.2", "relay", "kafka"]
    system = SimpleNamespace(
        supervisor=SimpleNamespace(processes=dict.fromkeys(names)),
        tree=SimpleNamespace(processes=lambda: {"web": [], "relay": []}),
    )

    acts = Kills(system, Random(1), 60.0).acts

    for name in names[:3]:
        times = [at for at, act, _ in acts if act == f"kill {name}"]
        assert [int(at // 20) for at in times] == [0, 1, 2]
    assert {act for _, act, _ in acts if act.startswith("kill")} == {
        f"kill {name}" for name in names[:3]
    }


def test_a_repeat_makes_every_kind_of_trouble_under_load(whole):
    system = whole.renew(**drill.scale_of(whole.system.tree)).system

    repeat, trouble, _ = drill.one(system, 1, seed=1, seconds=10, well_within=20, within=5)

    whole.give_up()
    done = {name for _, name, _ in trouble.acts}
    assert trouble.failed == []
    assert {f"kill {name}" for name in trouble.instances} <= done
    assert {name.split(".")[0] for name in trouble.instances} == {*system.tree.processes()}
    assert ("publish poison" in done) == bool(system.tree.topics)
    assert done & {"stop web", "stop web.1", "stop web.2"}
    assert done & {"stop the database", "restart the database"}
    assert repeat.requests > 0
