"""The audit finds each way to break a promise, and nothing where all is well."""

import copy
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from tools.lab.ground.failed import Failed
from tools.lab.ground.tree import Tree
from tools.lab.measure import judge as judging
from tools.lab.measure.audit import verdict
from tools.lab.measure.judge import LOST, MAIL, MONEY, PROOF, SEATS, STRANGERS
from tools.lab.measure.ledger import Ledger
from tools.lab.measure.reconcile import reconcile

ADA, BOB = "ada@load.example", "bob@load.example"


NOW = datetime(2030, 1, 1, tzinfo=UTC)
SOON = (NOW + timedelta(minutes=10)).isoformat()
CARD, DECLINED_CARD = "pm_card_visa", "pm_card_visa_chargeDeclined"


def judge(ledger, evidence):
    return judging.judge(Ledger(ledger), evidence)


def booking(id, seats, status="confirmed"):
    return {
        "id": id,
        "event_id": "event",
        "seats": seats,
        "total": 4500,
        "currency": "EUR",
        "status": status,
        "created_at": "2030-01-01T00:00:00Z",
    }


def entry(operation, email, path, body, status, answer):
    return {
        "operation": operation,
        "email": email,
        "path": path,
        "body": body,
        "status": status,
        "answer": answer,
        "at": NOW.timestamp(),
    }


def bought(email, hold, made):
    """The ledger's lines of a hold and its booking."""
    status = "declined" if made["status"] == "declined" else "confirmed"
    card = DECLINED_CARD if status == "declined" else CARD
    return [
        held(email, hold, made["seats"]),
        book(email, hold, 201, {**made, "status": status}, card=card),
    ]


def held(email, hold, seats):
    answer = {"id": hold, "seats": seats, "expires_at": SOON}
    return entry("hold", email, "/api/events/event/holds", {"seats": seats}, 201, answer)


def book(email, hold, status, answer, card=CARD):
    body = {"hold_id": hold, "payment_method": card}
    return entry("book", email, "/api/bookings", body, status, answer)


def moved(kind, hold, amount=4500):
    return {
        "kind": kind,
        "id": f"{kind}-{hold}",
        "amount": amount,
        "currency": "eur",
        "metadata": {"hold_id": hold},
    }


def paid(*kinds):
    return [{"kind": kind, "status": "succeeded"} for kind in kinds]


@pytest.fixture
def case():
    """Ada has a confirmed and a cancelled booking, Bob a declined one; all is well:
    (ledger, evidence)."""
    kept, gone, refused = (
        booking("kept", ["A1", "A2"]),
        booking("gone", ["A3"], "cancelled"),
        booking("refused", ["A4"], "declined"),
    )
    ledger = [
        entry("register", each, "/api/accounts", {"email": each, "password": "x"}, 201, {})
        for each in (ADA, BOB)
    ]
    ledger += bought(ADA, "h1", kept) + bought(ADA, "h2", gone) + bought(BOB, "h3", refused)
    ledger += [entry("cancel", ADA, "/api/bookings/gone/cancellation", {}, 200, gone)]
    evidence = {
        "bookings": {ADA: [kept, gone], BOB: [refused]},
        "payments": {"kept": paid("charge"), "gone": paid("charge", "refund"), "refused": []},
        "seats": {"A1": "sold", "A2": "sold", "A3": "free", "A4": "free"},
        "moved": [moved("charge", "h1"), moved("charge", "h2"), moved("refund", "h2")],
        "confirmations": Counter([(ADA, "kept"), (ADA, "gone")]),
        "unmailable": set(),
        "now": NOW.timestamp(),
        "claimed": ["A1", "A2"],
        "sold_twice": [],
        "live_holds": ["h1"],
        "unfinished": [],
        "leaks": [],
    }
    return ledger, evidence


def broken(case):
    return {promise for promise, violations in judge(*case).items() if violations}


def test_nothing_is_found_when_all_is_well(case):
    assert judge(*case) == {promise: [] for promise in (*judging.PROMISES, PROOF)}


def lost(ledger, evidence):
    evidence["bookings"][ADA].pop(0)
    evidence["moved"].pop(0)


def undone(ledger, evidence):
    evidence["bookings"][ADA][0]["status"] = "declined"
    evidence["moved"].pop(0)
    del evidence["confirmations"][ADA, "kept"]


def pending(ledger, evidence):
    evidence["bookings"][BOB][0]["status"] = "pending"


def pending_of_somebody_else(ledger, evidence):
    evidence["unfinished"] = ["elsewhere"]


def not_cancelled(ledger, evidence):
    evidence["bookings"][ADA][1]["status"] = "confirmed"
    evidence["seats"]["A3"] = "sold"
    evidence["moved"].pop()
    evidence["payments"]["gone"].pop()


def account_lost(ledger, evidence):
    evidence["bookings"][BOB] = None


def sold_twice(ledger, evidence):
    double = booking("double", ["A2"])
    ledger += bought(BOB, "h4", double)
    evidence["bookings"][BOB].append(double)
    evidence["payments"]["double"] = paid("charge")
    evidence["moved"].append(moved("charge", "h4"))
    evidence["confirmations"][BOB, "double"] += 1


def sold_twice_in_the_database(ledger, evidence):
    evidence["sold_twice"] = ["B9"]


def shown_as_free(ledger, evidence):
    evidence["seats"]["A1"] = "free"


def charged_twice(ledger, evidence):
    evidence["moved"].append(moved("charge", "h1"))


def charged_for_nothing(ledger, evidence):
    evidence["moved"].append(moved("charge", "h9"))


def charged_though_declined(ledger, evidence):
    evidence["moved"].append(moved("charge", "h3"))


def not_refunded(ledger, evidence):
    evidence["moved"].pop()
    evidence["payments"]["gone"].pop()


def charged_too_much(ledger, evidence):
    evidence["moved"][0]["amount"] = 9000


def payments_hidden(ledger, evidence):
    evidence["payments"]["kept"] = []


def mail_missing(ledger, evidence):
    del evidence["confirmations"][ADA, "kept"]


def mail_too_early(ledger, evidence):
    evidence["confirmations"][BOB, "refused"] += 1


def seen_by_others(ledger, evidence):
    evidence["leaks"] = ["bob got 200 for GET /api/bookings/kept"]


def listed_for_another(ledger, evidence):
    evidence["bookings"][BOB].append(copy.deepcopy(evidence["bookings"][ADA][1]))


def mailed_to_another(ledger, evidence):
    evidence["confirmations"][BOB, "kept"] += 1


def hold_gone(ledger, evidence):
    ledger.append(held(BOB, "h5", ["A5"]))
    evidence["seats"]["A5"] = "free"


def hold_gone_and_its_seat_sold(ledger, evidence):
    ledger.append(held(BOB, "h5", ["A2"]))


def hold_not_found(ledger, evidence):
    ledger += [held(BOB, "h5", ["A5"]), book(BOB, "h5", 404, {"type": "not-found"})]
    evidence["seats"]["A5"] = "held"


def hold_expired_too_early(ledger, evidence):
    ledger += [held(BOB, "h5", ["A5"]), book(BOB, "h5", 409, {"type": "hold-expired"})]
    evidence["seats"]["A5"] = "held"


def hold_used_by_no_booking(ledger, evidence):
    ledger += [held(BOB, "h5", ["A5"]), book(BOB, "h5", 409, {"type": "hold-used"})]
    evidence["seats"]["A5"] = "held"


def hold_gone_after_an_unknown_outcome(ledger, evidence):
    ledger += [held(BOB, "h5", ["A5"]), book(BOB, "h5", 502, {"type": "outcome-unknown"})]
    evidence["seats"]["A5"] = "free"


def booked_though_refused(ledger, evidence):
    found = next(line for line in ledger if line["body"].get("hold_id") == "h1")
    found |= {"status": 503, "answer": {"type": "unavailable"}}


def cancelled_though_refused(ledger, evidence):
    ledger[-1] |= {"status": 503, "answer": {"type": "unavailable"}}


def registered_though_refused(ledger, evidence):
    ledger[0] |= {"status": 503, "answer": {"type": "unavailable"}}


def cancelled_seat_sold(ledger, evidence):
    evidence["seats"]["A3"] = "sold"


def cancelled_seat_held(ledger, evidence):
    evidence["seats"]["A3"] = "held"


def declined_seat_sold(ledger, evidence):
    evidence["seats"]["A4"] = "sold"


def held_by_a_refused_request(ledger, evidence):
    path = "/api/events/event/holds"
    ledger.append(entry("hold", BOB, path, {"seats": ["A6"]}, 503, {"type": "unavailable"}))
    evidence["seats"]["A6"] = "held"


def declined_and_charged_and_refunded(ledger, evidence):
    evidence["moved"] += [moved("charge", "h3"), moved("refund", "h3")]


def declined_with_a_good_card(ledger, evidence):
    line = next(line for line in ledger if line["body"].get("hold_id") == "h3")
    line["body"]["payment_method"] = CARD


def confirmed_with_a_declined_card(ledger, evidence):
    line = next(line for line in ledger if line["body"].get("hold_id") == "h1")
    line["body"]["payment_method"] = DECLINED_CARD


def refunded_without_a_cancellation(ledger, evidence):
    evidence["moved"].append(moved("refund", "h1"))


def refunded_twice(ledger, evidence):
    evidence["moved"].append(moved("refund", "h2"))


def charged_and_the_outcome_unknown(ledger, evidence):
    ledger += [held(BOB, "h5", ["A5"]), book(BOB, "h5", 502, {"type": "outcome-unknown"})]
    evidence["seats"]["A5"] = "held"
    evidence["moved"].append(moved("charge", "h5"))


def nothing_booked(ledger, evidence):
    ledger[2:] = [line for line in ledger[2:] if line["operation"] == "hold"]
    ledger[2:] = [held(ADA, "h1", ["A1"]), book(ADA, "h1", 503, {"type": "unavailable"})]
    evidence["bookings"] = {ADA: [], BOB: []}
    evidence["seats"] = {"A1": "held"}
    evidence["moved"] = []
    evidence["confirmations"].clear()
    evidence["claimed"] = []


def only_declined(ledger, evidence):
    nothing_booked(ledger, evidence)
    refused = booking("refused", ["A4"], "declined")
    ledger += bought(BOB, "h3", refused)
    evidence["bookings"][BOB] = [refused]


PLANTED = {
    lost: LOST,
    undone: LOST,
    pending: LOST,
    pending_of_somebody_else: LOST,
    not_cancelled: LOST,
    account_lost: LOST,
    sold_twice: SEATS,
    sold_twice_in_the_database: SEATS,
    shown_as_free: SEATS,
    charged_twice: MONEY,
    charged_for_nothing: MONEY,
    charged_though_declined: MONEY,
    not_refunded: MONEY,
    charged_too_much: MONEY,
    payments_hidden: MONEY,
    mail_missing: MAIL,
    mail_too_early: MAIL,
    seen_by_others: STRANGERS,
    listed_for_another: STRANGERS,
    mailed_to_another: STRANGERS,
    hold_gone: LOST,
    hold_gone_and_its_seat_sold: LOST,
    hold_not_found: LOST,
    hold_expired_too_early: LOST,
    hold_used_by_no_booking: LOST,
    hold_gone_after_an_unknown_outcome: LOST,
    booked_though_refused: LOST,
    cancelled_though_refused: LOST,
    registered_though_refused: LOST,
    cancelled_seat_sold: SEATS,
    cancelled_seat_held: SEATS,
    declined_seat_sold: SEATS,
    held_by_a_refused_request: SEATS,
    declined_and_charged_and_refunded: MONEY,
    declined_with_a_good_card: MONEY,
    confirmed_with_a_declined_card: MONEY,
    refunded_without_a_cancellation: MONEY,
    refunded_twice: MONEY,
    charged_and_the_outcome_unknown: MONEY,
    nothing_booked: PROOF,
    only_declined: PROOF,
}


@pytest.mark.parametrize(
    ("plant", "promise"), PLANTED.items(), ids=lambda each: getattr(each, "__name__", "")
)
def test_each_way_to_break_a_promise_is_found(case, plant, promise):
    plant(*case)

    assert promise in broken(case)


@pytest.mark.parametrize(("status", "type"), [(None, None), (502, "outcome-unknown")])
def test_a_booking_of_unknown_outcome_is_found_by_its_seats(case, status, type):
    ledger, evidence = case
    unanswered = next(line for line in ledger if line["body"].get("hold_id") == "h1")
    unanswered |= {"status": status, "answer": {"type": type} if type else {}}

    assert broken(case) == set()
    evidence["bookings"][ADA].pop(0)
    evidence["seats"] |= {"A1": "held", "A2": "held"}
    evidence["claimed"] = []
    del evidence["confirmations"][ADA, "kept"]
    evidence["live_holds"] = []
    assert broken(case) == {MONEY}


@pytest.mark.parametrize("is_cancelled", [True, False])
def test_a_cancellation_of_unknown_outcome_may_end_either_way(case, is_cancelled):
    ledger, evidence = case
    ledger[-1] |= {"status": 502, "answer": {"type": "outcome-unknown"}}
    if not is_cancelled:
        not_cancelled(ledger, evidence)
        evidence["claimed"].append("A3")

    assert broken(case) == set()


def test_a_hold_of_unknown_outcome_may_have_its_seats(case):
    ledger, evidence = case
    path = "/api/events/event/holds"
    ledger.append(entry("hold", BOB, path, {"seats": ["A6"]}, None, {}))
    evidence["seats"]["A6"] = "held"

    assert broken(case) == set()


def test_a_hold_may_be_gone_after_its_end(case):
    ledger, evidence = case
    hold_gone(ledger, evidence)
    evidence["now"] += 3600

    assert broken(case) == set()


def test_a_seat_may_belong_to_a_booking_of_somebody_else(case):
    cancelled_seat_sold(*case)
    case[1]["claimed"].append("A3")

    assert broken(case) == set()


def test_another_card_may_be_charged_after_the_first_is_given_back(case):
    ledger, evidence = case
    position = next(
        number for number, line in enumerate(ledger) if line["body"].get("hold_id") == "h1"
    )
    other = book(ADA, "h1", 502, {"type": "outcome-unknown"}, card="pm_card_mastercard")
    ledger.insert(position, other)
    evidence["moved"] += [moved("charge", "h1"), moved("refund", "h1")]

    assert broken(case) == set()


def test_a_booking_that_was_pending_may_be_declined_and_refunded(case):
    ledger, evidence = case
    line = next(line for line in ledger if line["body"].get("hold_id") == "h3")
    line["answer"]["status"] = "pending"
    declined_and_charged_and_refunded(ledger, evidence)

    assert broken(case) == set()


def test_no_mail_is_expected_at_an_address_that_is_refused(case):
    mail_missing(*case)
    case[1]["unmailable"] = {ADA}

    assert broken(case) == set()


def look(after, **violations):
    return after, {
        promise: violations.get(name, [])
        for name, promise in (("money", MONEY), ("seats", SEATS), ("mail", MAIL))
    }


def test_damage_that_heals_is_reported_with_the_time_it_took():
    found = verdict([look(0.0, money=["a charge"], mail=["a"]), look(4.0, mail=["a"]), look(9.0)])

    assert found.seen == {MONEY: ["a charge"], SEATS: [], MAIL: ["a"]}
    assert found.left == {MONEY: [], SEATS: [], MAIL: []}
    assert found.healed == {"a charge": 4.0, "a": 9.0}


def test_damage_that_nobody_can_take_back_remains():
    found = verdict([look(0.0, seats=["twice"], money=["a charge"]), look(1.0, money=["a charge"])])

    assert found.left == {MONEY: ["a charge"], SEATS: ["twice"], MAIL: []}


def test_damage_that_comes_later_remains():
    found = verdict([look(0.0, mail=["a"]), look(1.0, money=["a charge"])])

    assert found.left == {MONEY: ["a charge"], SEATS: [], MAIL: []}
    assert found.healed == {"a": 1.0}


def toy(folder, *lines):
    """A tree whose command reconcile has these lines, if there are any."""
    command = ["@app.cli.command()", "def reconcile():", *(f"    {line}" for line in lines)]
    app = ["import os", "from flask import Flask", "app = Flask(__name__)"]
    (folder / "monolith").mkdir()
    (folder / "monolith" / "app.py").write_text("\n".join(app + (command if lines else [])))
    return Tree(folder)


def test_the_command_of_the_step_gives_charges_back(tmp_path):
    tree = toy(tmp_path, "open('done', 'w').write(os.environ['DATABASE_URL'])")

    assert reconcile(tree, {"MONOLITH_DATABASE_URL": "postgresql://here"})
    assert (tmp_path / "done").read_text() == "postgresql://here"


def test_a_step_without_the_command_is_no_error(tmp_path):
    assert not reconcile(toy(tmp_path), {})


def test_a_command_that_fails_is_an_error(tmp_path):
    with pytest.raises(Failed, match="the provider is away"):
        reconcile(toy(tmp_path, "raise SystemExit('the provider is away')"), {})
