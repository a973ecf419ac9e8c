"""A booking's money is moved once, whatever happens to the provider, the process or the message."""

import json
import urllib.request
import uuid
from datetime import timedelta
from types import SimpleNamespace

import pytest
import stripe
from sqlalchemy.event import listen
from sqlalchemy.orm import Session

from extracted.payments import handlers, service
from extracted.payments.provider import Provider
from kit import dead_letters, failures
from kit.message import Message
from kit.refusals import OutcomeUnknown
from kit.worker import consumer

OVER = timedelta(minutes=16)  # the time in which a booking may be paid
REFUSED = "pm_card_visa_chargeDeclined"


@pytest.fixture
def sandbox(lab_services):
    """A function: change settings of the payment sandbox; they are reset after the test."""

    def turn(**knobs):
        request = urllib.request.Request(
            f"{lab_services.stripe_api_base}/_sandbox",
            json.dumps(knobs).encode(),
            {"Content-Type": "application/json"},
            method="PATCH",
        )
        urllib.request.urlopen(request).close()

    yield turn
    turn(latency_ms=0, refuse=False, hang=False, silent=False, drop_after=0, processing=False)


@pytest.fixture
def lose(process, monkeypatch):
    """A function: lose the answers to requests whose key begins so; returns these requests. The
    provider gets them unless `sent` is false."""
    resources = {"charge": "payment_intents", "refund": "refunds"}

    def lose(key, *, sent=True):
        service = getattr(process.provider._stripe, resources[key.partition(":")[0]])
        create = service.create
        lost = []

        def create_and_lose(params, options):
            if not options["idempotency_key"].startswith(key):
                return create(params, options)
            lost.append((params, options))
            if sent:
                create(params, options)
            raise stripe.APIConnectionError("The connection was lost.")

        monkeypatch.setattr(service, "create", create_and_lose)
        return lost

    return lose


@pytest.fixture
def no_patience(monkeypatch):
    """What is not clear at once becomes a dead letter."""
    monkeypatch.setattr(failures, "DEFECT_SECONDS", 0.0)


@pytest.fixture
def replay(process):
    """A function: replay the dead letters of payments; returns how many are left."""
    of_payments = consumer("payments", handlers, process, None, process.database)
    return lambda: dead_letters.replay(of_payments)


@pytest.fixture
def causes(rows):
    """A function: the causes of the dead letters of payments."""
    return lambda: rows("select cause from dead_letters where consumer = 'payments'")


@pytest.fixture
def decline_late(process, end):
    """A function: let the time of a booking be over, and publish that it is declined."""

    def decline_late(booking):
        now = process.clock()
        process.clock = lambda: now + OVER
        end(booking, "declined")

    return decline_late


@pytest.fixture
def terms(account, process):
    """What the provider is asked about a hold."""
    with process.database.reading() as session:
        known = service.customer_id(session, account)
    return {
        "customer_id": known,
        "account_id": account,
        "hold_id": uuid.uuid4().hex,
        "amount": 4500,
        "currency": "EUR",
    }


def test_a_cancelled_booking_is_charged_and_refunded_once(order, end, paid, outcome, ledger):
    booking = order()
    end(booking, "cancelled")

    assert paid(booking) == [("charge", 4500, "succeeded"), ("refund", 4500, "succeeded")]
    assert ledger(booking) == [("charge", 4500), ("refund", 4500)]
    assert outcome(booking) == ["authorised", "refunded"]


@pytest.mark.parametrize("card", [REFUSED, "pm_no_such_card"])
def test_a_declined_card_leaves_a_declined_payment(order, paid, outcome, ledger, card):
    booking = order(card)

    assert paid(booking) == [("charge", 4500, "declined")]
    assert (outcome(booking), ledger(booking)) == (["declined"], [])


def test_a_message_that_comes_twice_charges_once(order, broker, deliver, outcome, ledger):
    booking = order()
    broker.logs["bookings", 0].append(broker.logs["bookings", 0][-1])

    deliver()

    assert (outcome(booking), ledger(booking)) == (["authorised"], [("charge", 4500)])


def test_a_repeat_after_a_lost_answer_charges_once(order, sandbox, becomes, ledger):
    sandbox(drop_after=1)

    booking = order()

    becomes(booking, "authorised")
    assert ledger(booking) == [("charge", 4500)]


def test_a_refusal_whose_answer_was_lost_is_a_refusal(order, sandbox, becomes, ledger):
    sandbox(drop_after=1)

    booking = order(REFUSED)

    becomes(booking, "declined")
    assert ledger(booking) == []


def test_one_unclear_charge_does_not_stop_the_others(
    order, lose, no_patience, causes, outcome, replay, monkeypatch, ledger
):
    hold_id = uuid.uuid4().hex
    lose(f"charge:{hold_id}")

    slow, other = order(hold_id=hold_id), order()

    assert (outcome(slow), outcome(other)) == ([], ["authorised"])
    assert len(causes()) == 1
    monkeypatch.undo()
    assert replay() == 0
    assert outcome(slow) == ["authorised"]
    assert ledger(slow) == [("charge", 4500)]


def test_a_charge_that_is_processing_is_not_declined(
    order, sandbox, no_patience, outcome, replay, ledger
):
    sandbox(processing=True)
    booking = order()

    assert (replay(), outcome(booking)) == (1, [])
    sandbox(processing=False)
    assert (replay(), outcome(booking)) == (0, ["authorised"])
    assert ledger(booking) == [("charge", 4500)]


def test_a_charge_is_made_when_the_provider_works_again(order, sandbox, outcome, becomes, ledger):
    sandbox(refuse=True)
    booking = order()
    assert outcome(booking) == []

    sandbox(refuse=False)

    becomes(booking, "authorised")
    assert ledger(booking) == [("charge", 4500)]


@pytest.mark.parametrize("key", ["sk_test_1", "sk_live_1"], ids=["away", "wrong key"])
def test_a_provider_that_answers_nobody_is_waited_for(
    order, process, no_patience, monkeypatch, lab_services, outcome, causes, becomes, key
):
    base = "http://127.0.0.1:1" if key == "sk_test_1" else lab_services.stripe_api_base
    monkeypatch.setattr(process, "provider", Provider(base, key, timeout=1))
    booking = order()

    assert (outcome(booking), causes()) == ([], [])
    monkeypatch.undo()
    becomes(booking, "authorised")


def test_a_customer_that_the_provider_forgot_is_made_anew(order, change, outcome, ledger):
    change("update customers set provider_id = 'cus_nobody'")

    booking = order()

    assert (outcome(booking), ledger(booking)) == (["authorised"], [("charge", 4500)])


def test_an_account_from_before_the_topics_can_be_charged(deliver, request_booking, outcome, rows):
    account = uuid.uuid4().hex
    deliver(("accounts", "account.registered", {"id": account}), snapshot=True)
    assert rows("select * from customers") == []

    booking = request_booking(account)

    assert outcome(booking) == ["authorised"]
    assert [row.account_id for row in rows("select account_id from customers")] == [account]


def test_a_charge_waits_for_the_name_of_its_account(deliver, request_booking, outcome, becomes):
    account = uuid.uuid4().hex
    booking = request_booking(account)
    assert outcome(booking) == []

    deliver(("accounts", "account.registered", {"id": account}))

    becomes(booking, "authorised")


@pytest.mark.parametrize("param", ["customer", "amount", None])
def test_a_fault_of_ours_is_never_a_declined_card(
    order, process, monkeypatch, outcome, replay, ledger, param
):
    hold_id = uuid.uuid4().hex
    create = process.provider._stripe.payment_intents.create

    def refuse(params, options):
        if not options["idempotency_key"].endswith(hold_id):
            return create(params, options)
        raise stripe.InvalidRequestError("This is our fault.", param, code="resource_missing")

    monkeypatch.setattr(process.provider._stripe.payment_intents, "create", refuse)
    booking, other = order(hold_id=hold_id), order()

    assert (outcome(booking), outcome(other)) == ([], ["authorised"])
    monkeypatch.undo()
    assert replay() == 0
    assert outcome(booking) == ["authorised"]
    assert ledger(booking) == [("charge", 4500)]


class Broken(Exception):
    """An error in our own code after the charge."""


def test_a_failure_after_the_charge_charges_no_second_time(order, becomes, outcome, ledger):
    def fail(session):
        raise Broken

    listen(Session, "before_commit", fail, once=True)
    booking = order()
    assert (outcome(booking), ledger(booking)) == ([], [("charge", 4500)])

    becomes(booking, "authorised")
    assert ledger(booking) == [("charge", 4500)]


def test_a_charge_of_the_worker_before_is_not_made_again(order, terms, process, outcome, ledger):
    """The monolith's worker died after its request: the service asks with the same key."""
    hold_id, card = terms["hold_id"], "pm_card_visa"
    names = {"account_id": terms["account_id"], "hold_id": hold_id, "payment_method": card}
    process.provider._stripe.payment_intents.create(
        {
            "amount": 4500,
            "currency": "eur",
            "customer": terms["customer_id"],
            "payment_method": card,
            "confirm": True,
            "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
            "metadata": names,
        },
        {"idempotency_key": f"charge:{hold_id}"},
    )

    booking = order(card, hold_id=hold_id)

    assert (outcome(booking), ledger(booking)) == (["authorised"], [("charge", 4500)])


def test_a_refund_whose_answer_was_lost_is_repeated(order, end, sandbox, becomes, ledger):
    booking = order()
    sandbox(drop_after=1)

    end(booking, "cancelled")

    becomes(booking, "authorised", "refunded")
    assert ledger(booking) == [("charge", 4500), ("refund", 4500)]


def test_a_refund_that_failed_is_not_a_cancellation(
    order, end, process, monkeypatch, outcome, replay, ledger
):
    booking = order()
    failed = SimpleNamespace(id="re_1", status="failed")
    monkeypatch.setattr(process.provider._stripe.refunds, "create", lambda *arguments: failed)
    end(booking, "cancelled")

    assert outcome(booking) == ["authorised"]
    monkeypatch.undo()
    assert replay() == 0
    assert outcome(booking) == ["authorised", "refunded"]
    assert ledger(booking) == [("charge", 4500), ("refund", 4500)]


def test_a_charge_that_the_provider_forgot_cannot_be_refunded(
    order, end, change, outcome, causes, caplog
):
    booking = order()
    change("update payments set provider_id = 'pi_nobody'")
    end(booking, "cancelled")
    another = order()

    assert (outcome(booking), outcome(another)) == (["authorised"], ["authorised"])
    assert "payment provider" in caplog.messages
    assert len(causes()) == 1


def test_what_was_paid_at_the_box_office_is_not_charged(order, end, published, paid, ledger):
    booking = order(paid_at="box-office", created_at="2026-01-02T10:00:00Z")
    (stored,) = published(booking)
    end(booking, "cancelled")

    assert (stored.type, stored.snapshot) == ("payment.authorised", True)
    assert [message.snapshot for message in published(booking)] == [True, False]
    assert paid(booking) == [("charge", 4500, "succeeded"), ("refund", 4500, "succeeded")]
    assert ledger(booking) == []


def test_nobody_is_charged_for_seats_without_a_price(order, end, outcome, ledger):
    booking = order(total=0)
    end(booking, "cancelled")

    assert (outcome(booking), ledger(booking)) == ([], [])


def test_nobody_is_charged_when_the_time_is_over(
    order, process, decline_late, outcome, paid, ledger
):
    now = process.clock()
    booking = order(pay_by=now.isoformat())
    assert (outcome(booking), ledger(booking)) == ([], [])

    decline_late(booking)

    assert (outcome(booking), ledger(booking)) == (["declined"], [])
    assert paid(booking) == [("charge", 4500, "declined")]


def test_a_charge_that_became_clear_too_late_is_given_back(
    order, lose, no_patience, monkeypatch, decline_late, outcome, paid, replay, ledger
):
    lose("charge:")
    booking = order()
    monkeypatch.undo()

    decline_late(booking)

    assert outcome(booking) == ["authorised", "refunded"]
    assert paid(booking) == [("charge", 4500, "succeeded"), ("refund", 4500, "succeeded")]
    assert (replay(), replay()) == (0, 0)
    assert ledger(booking) == [("charge", 4500), ("refund", 4500)]


def test_a_charge_of_a_booking_that_was_declined_is_given_back(order, end, outcome, ledger):
    booking = order()

    end(booking, "declined")

    assert outcome(booking) == ["authorised", "refunded"]
    assert ledger(booking) == [("charge", 4500), ("refund", 4500)]


def test_a_request_that_reaches_the_provider_too_late_is_refused(
    order, process, lose, no_patience, monkeypatch, decline_late, replay, ledger
):
    on_its_way = lose("charge:", sent=False)
    booking = order()
    monkeypatch.undo()
    decline_late(booking)

    with pytest.raises(stripe.IdempotencyError):
        process.provider._stripe.payment_intents.create(*on_its_way[0])

    assert replay() == 0
    assert ledger(booking) == []


def test_a_hold_whose_charge_has_not_ended_cannot_be_closed(process, terms):
    """The provider refuses the key and lists no charge: an earlier request is still at work."""
    process.provider._stripe.payment_intents.create(
        {"amount": 4500, "currency": "eur"}, {"idempotency_key": f"charge:{terms['hold_id']}"}
    )

    with pytest.raises(OutcomeUnknown):
        process.provider.close(**terms)
    with pytest.raises(OutcomeUnknown):
        process.provider.charge(**terms, payment_method="pm_card_visa")


def test_another_card_after_a_lost_answer_gives_the_first_charge_back(process, terms, ledger):
    """A step before 10 may have left a charge without a booking."""
    process.provider.charge(**terms, payment_method="pm_card_visa")

    again = process.provider.charge(**terms, payment_method="pm_card_mastercard")

    assert again.succeeded
    assert ledger(terms) == [("charge", 4500), ("refund", 4500), ("charge", 4500)]


def test_a_declined_card_whose_answer_was_lost_leaves_room_for_another(process, terms, ledger):
    process.provider.charge(**terms, payment_method=REFUSED)

    again = process.provider.charge(**terms, payment_method="pm_card_visa")

    assert again.succeeded
    assert ledger(terms) == [("charge", 4500)]


@pytest.mark.parametrize("type", ["booking.requested", "booking.declined", "booking.cancelled"])
def test_messages_of_earlier_steps_move_no_money(
    account, broker, deliver, process, causes, rows, type
):
    data = {
        "id": "old",
        "account_id": account,
        "event_id": "old",
        "total": 4500,
        "currency": "EUR",
        "payment_method": "pm_card_visa",
    }
    broker.send([Message("bookings", type, "old", data, recorded_at=process.clock())])

    deliver()

    assert (causes(), rows("select * from payments")) == ([], [])
