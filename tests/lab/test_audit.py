"""The audit finds each way to break a promise, and nothing where all is well."""

import copy

import pytest

from tools.lab.measure.audit import LOST, MAIL, MONEY, PROMISES, SEATS, STRANGERS, judge

ADA, BOB = "ada@load.example", "bob@load.example"


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
    }


def bought(email, hold, made):
    """The ledger's lines of a hold and its booking."""
    return [
        entry(
            "hold",
            email,
            "/api/events/event/holds",
            {"seats": made["seats"]},
            201,
            {"id": hold, "seats": made["seats"]},
        ),
        entry(
            "book",
            email,
            "/api/bookings",
            {"hold_id": hold},
            201,
            {**made, "status": "declined" if made["status"] == "declined" else "confirmed"},
        ),
    ]


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
        "confirmations": {(ADA, "kept"), (ADA, "gone")},
        "sold_twice": [],
        "live_holds": ["h1"],
        "leaks": [],
    }
    return ledger, evidence


def broken(case):
    return {promise for promise, violations in judge(*case).items() if violations}


def test_nothing_is_found_when_all_is_well(case):
    assert judge(*case) == {promise: [] for promise in PROMISES}


def lost(ledger, evidence):
    evidence["bookings"][ADA].pop(0)
    evidence["moved"].pop(0)


def undone(ledger, evidence):
    evidence["bookings"][ADA][0]["status"] = "declined"
    evidence["moved"].pop(0)
    evidence["confirmations"].discard((ADA, "kept"))


def pending(ledger, evidence):
    evidence["bookings"][BOB][0]["status"] = "pending"


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
    evidence["confirmations"].add((BOB, "double"))


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
    evidence["confirmations"].discard((ADA, "kept"))


def mail_too_early(ledger, evidence):
    evidence["confirmations"].add((BOB, "refused"))


def seen_by_others(ledger, evidence):
    evidence["leaks"] = ["bob got 200 for GET /api/bookings/kept"]


def listed_for_another(ledger, evidence):
    evidence["bookings"][BOB].append(copy.deepcopy(evidence["bookings"][ADA][1]))


PLANTED = {
    lost: LOST,
    undone: LOST,
    pending: LOST,
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
}


@pytest.mark.parametrize(
    ("plant", "promise"), PLANTED.items(), ids=lambda each: getattr(each, "__name__", "")
)
def test_each_way_to_break_a_promise_is_found(case, plant, promise):
    plant(*case)

    assert promise in broken(case)


def test_a_booking_request_without_an_answer_is_found_by_its_seats(case):
    ledger, evidence = case
    unanswered = next(
        line for line in ledger if line["operation"] == "book" and line["body"]["hold_id"] == "h1"
    )
    unanswered |= {"status": None, "answer": {}}

    assert broken(case) == set()
    evidence["bookings"][ADA].pop(0)
    evidence["seats"] |= {"A1": "free", "A2": "free"}
    evidence["confirmations"].discard((ADA, "kept"))
    evidence["live_holds"] = []
    assert broken(case) == {MONEY}
