import json
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from types import SimpleNamespace

import pytest
import stripe
from sqlalchemy import text
from sqlalchemy.event import listen
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from kit import dead_letters, failures
from kit.message import Message
from kit.refusals import OutcomeUnknown
from kit.worker import consumer
from monolith.bookings import deadline
from monolith.payments import handlers
from monolith.payments.provider import Provider

OVER = timedelta(minutes=16)  # the time in which a booking may be paid


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
def replay(process, catch_up):
    """A function: replay the dead letters of payments; returns how many are left."""

    def replay():
        of_payments = consumer("payments", handlers, process, None, process.db.payments)
        left = dead_letters.replay(of_payments)
        catch_up()
        return left

    return replay


@pytest.fixture
def order(fan, event, catch_up):
    """A function: book a seat of an event, and return the booking with its hold_id, which payments
    has not seen yet. The provider knows the customer."""
    catch_up()
    free = iter(event.seats)

    def order(card="pm_card_visa"):
        held = fan.post(f"/api/events/{event.id}/holds", json={"seats": [next(free)]}).json["id"]
        booked = fan.post("/api/bookings", json={"hold_id": held, "payment_method": card})
        assert (booked.status_code, booked.json["status"]) == (201, "pending")
        return SimpleNamespace(id=booked.json["id"], hold_id=held)

    return order


@pytest.fixture
def status(fan):
    """A function: the status of a booking."""
    return lambda booking: fan.get(f"/api/bookings/{booking.id}").json["status"]


@pytest.fixture
def ends(catch_up, eventually, status):
    """A function: wait until a booking has a status."""

    def ends(booking, expected):
        eventually(lambda: catch_up() or status(booking) == expected)

    return ends


def pay_late(process):
    """Let the time of all bookings be over."""
    now = process.clock()
    process.clock = lambda: now + OVER
    deadline.decline_overdue(process)


def paid(client, booking_id):
    return [
        (payment["kind"], payment["amount"], payment["status"])
        for payment in client.get(f"/api/payments?booking_id={booking_id}").json["items"]
    ]


def rows(process, sql):
    with process.db.monolith.reading() as session:
        return session.execute(text(sql)).all()


def change(process, sql):
    with process.db.monolith.transaction() as session:
        session.execute(text(sql))


def causes(process):
    return rows(process, "select cause from dead_letters where consumer = 'payments'")


def test_a_cancelled_booking_is_charged_and_refunded_once(fan, event, buy, ledger, catch_up):
    before = len(ledger())
    booking = buy(fan, event, event.seats[:2])
    fan.post(f"/api/bookings/{booking['id']}/cancellation")
    catch_up()

    assert paid(fan, booking["id"]) == [
        ("charge", 9000, "succeeded"),
        ("refund", 9000, "succeeded"),
    ]
    assert sorted(ledger()[before:]) == [("charge", 9000), ("refund", 9000)]


def test_a_declined_card_leaves_a_declined_payment(fan, event, buy, ledger):
    before = len(ledger())

    booking = buy(fan, event, event.seats[:1], card="pm_card_visa_chargeDeclined")

    assert paid(fan, booking["id"]) == [("charge", 4500, "declined")]
    assert len(ledger()) == before


def test_payments_are_paged(fan, event, buy, catch_up):
    booking = buy(fan, event, event.seats[:1])
    fan.post(f"/api/bookings/{booking['id']}/cancellation")
    catch_up()

    first = fan.get(f"/api/payments?booking_id={booking['id']}&limit=1").json
    second = fan.get(f"/api/payments?booking_id={booking['id']}&limit=1&after={first['next']}").json

    assert [page["items"][0]["kind"] for page in (first, second)] == ["charge", "refund"]
    assert second["next"] is None


def test_payments_cannot_be_listed_without_a_booking(fan):
    refused = fan.get("/api/payments")

    assert [error["field"] for error in refused.json["errors"]] == ["booking_id"]


def test_a_repeat_after_a_lost_answer_charges_once(order, sandbox, ends, ledger):
    booking = order()
    sandbox(drop_after=1)

    ends(booking, "confirmed")

    assert ledger(booking.hold_id) == [("charge", 4500)]


def test_a_refusal_whose_answer_was_lost_is_a_refusal(order, sandbox, ends, ledger):
    booking = order("pm_card_visa_chargeDeclined")
    sandbox(drop_after=1)

    ends(booking, "declined")

    assert ledger(booking.hold_id) == []


def test_one_unclear_charge_does_not_stop_the_others(
    order, lose, no_patience, catch_up, status, replay, process, monkeypatch, ledger
):
    slow, other = order(), order()
    lose(f"charge:{slow.hold_id}")
    catch_up()

    assert (status(slow), status(other)) == ("pending", "confirmed")
    assert len(causes(process)) == 1
    monkeypatch.undo()
    assert replay() == 0
    assert status(slow) == "confirmed"
    assert ledger(slow.hold_id) == [("charge", 4500)]


def test_a_charge_that_is_processing_is_not_declined(
    order, sandbox, no_patience, catch_up, status, replay, ledger
):
    booking = order()
    sandbox(processing=True)
    catch_up()

    assert (replay(), status(booking)) == (1, "pending")
    sandbox(processing=False)
    assert (replay(), status(booking)) == (0, "confirmed")
    assert ledger(booking.hold_id) == [("charge", 4500)]


def test_a_hold_can_be_booked_after_provider_errors(order, sandbox, ends, catch_up, status, ledger):
    booking = order()
    sandbox(refuse=True)
    catch_up()
    assert status(booking) == "pending"

    sandbox(refuse=False)

    ends(booking, "confirmed")
    assert ledger(booking.hold_id) == [("charge", 4500)]


@pytest.mark.parametrize("key", ["sk_test_1", "sk_live_1"], ids=["away", "wrong key"])
def test_a_provider_that_answers_nobody_is_waited_for(
    order, process, no_patience, monkeypatch, lab_services, catch_up, status, ends, key
):
    base = "http://127.0.0.1:1" if key == "sk_test_1" else lab_services.stripe_api_base
    booking = order()
    monkeypatch.setattr(process, "provider", Provider(base, key, timeout=1))
    catch_up()

    assert (status(booking), causes(process)) == ("pending", [])
    monkeypatch.undo()
    ends(booking, "confirmed")


def test_a_customer_that_the_provider_forgot_is_made_anew(order, process, catch_up, ledger, status):
    change(process, "update customers set provider_id = 'cus_nobody'")
    booking = order()

    catch_up()

    assert status(booking) == "confirmed"
    assert ledger(booking.hold_id) == [("charge", 4500)]


def test_a_customer_from_before_the_topics_is_made_when_charged(order, process, catch_up, status):
    change(process, "delete from customers")
    booking = order()

    catch_up()

    assert status(booking) == "confirmed"
    assert len(rows(process, "select * from customers")) == 1


@pytest.mark.parametrize("param", ["customer", "amount", None])
def test_a_fault_of_ours_is_never_a_declined_card(
    order, process, monkeypatch, catch_up, status, replay, ledger, param
):
    booking, other = order(), order()
    create = process.provider._stripe.payment_intents.create

    def refuse(params, options):
        if not options["idempotency_key"].endswith(booking.hold_id):
            return create(params, options)
        raise stripe.InvalidRequestError("This is our fault.", param, code="resource_missing")

    monkeypatch.setattr(process.provider._stripe.payment_intents, "create", refuse)
    catch_up()

    assert (status(booking), status(other)) == ("pending", "confirmed")
    monkeypatch.undo()
    assert replay() == 0
    assert status(booking) == "confirmed"
    assert ledger(booking.hold_id) == [("charge", 4500)]


class Broken(Exception):
    """An error in our own code after the charge."""


def test_a_failure_after_the_charge_charges_no_second_time(order, ends, catch_up, status, ledger):
    booking = order()

    def fail(session):
        raise Broken

    listen(Session, "before_commit", fail, once=True)
    catch_up()
    assert (status(booking), ledger(booking.hold_id)) == ("pending", [("charge", 4500)])

    ends(booking, "confirmed")
    assert ledger(booking.hold_id) == [("charge", 4500)]


def test_a_commit_that_only_seemed_to_fail_is_booked_once(fan, event, catch_up, ledger):
    held = fan.post(f"/api/events/{event.id}/holds", json={"seats": event.seats[:1]}).json["id"]
    body = {"hold_id": held, "payment_method": "pm_card_visa"}

    def cut_off(session):
        lost = Exception("the connection was lost")
        raise OperationalError("commit", {}, lost, connection_invalidated=True)

    listen(Session, "after_commit", cut_off, once=True)
    lost = fan.post("/api/bookings", json=body)

    assert (lost.status_code, lost.json["type"]) == (502, "outcome-unknown")
    again = fan.post("/api/bookings", json=body)
    assert (again.status_code, again.json["type"]) == (409, "hold-used")
    catch_up()
    assert ledger(held) == [("charge", 4500)]


def test_a_refund_whose_answer_was_lost_is_repeated(fan, order, sandbox, ends, ledger):
    booking = order()
    ends(booking, "confirmed")
    sandbox(drop_after=1)

    fan.post(f"/api/bookings/{booking.id}/cancellation")

    ends(booking, "cancelled")
    assert ledger(booking.hold_id) == [("charge", 4500), ("refund", 4500)]


def test_a_refund_that_failed_is_not_a_cancellation(
    fan, order, ends, process, monkeypatch, catch_up, status, replay, ledger
):
    booking = order()
    ends(booking, "confirmed")
    failed = SimpleNamespace(id="re_1", status="failed")
    monkeypatch.setattr(process.provider._stripe.refunds, "create", lambda *arguments: failed)
    fan.post(f"/api/bookings/{booking.id}/cancellation")
    catch_up()

    assert status(booking) == "cancelling"
    monkeypatch.undo()
    assert replay() == 0
    assert status(booking) == "cancelled"
    assert ledger(booking.hold_id) == [("charge", 4500), ("refund", 4500)]


def test_a_charge_that_the_provider_forgot_cannot_be_refunded(
    fan, order, ends, process, catch_up, status, caplog
):
    booking, other = order(), order()
    ends(other, "confirmed")
    change(process, "update payments set provider_id = 'pi_nobody'")
    fan.post(f"/api/bookings/{booking.id}/cancellation")
    another = order()
    catch_up()

    assert (status(booking), status(another)) == ("cancelling", "confirmed")
    assert "payment provider" in caplog.messages
    assert len(causes(process)) == 1


def test_box_office_payments_are_not_refunded_by_the_provider(fan, order, ends, process, ledger):
    booking = order()
    ends(booking, "confirmed")
    change(process, "update payments set provider_id = null")

    fan.post(f"/api/bookings/{booking.id}/cancellation")

    ends(booking, "cancelled")
    assert ledger(booking.hold_id) == [("charge", 4500)]


def test_nobody_is_charged_when_the_time_is_over(fan, order, process, catch_up, status, ledger):
    booking = order()
    pay_late(process)

    catch_up()

    assert (status(booking), ledger(booking.hold_id)) == ("declined", [])
    assert paid(fan, booking.id) == [("charge", 4500, "declined")]


def test_a_charge_that_became_clear_too_late_is_given_back(
    fan, order, process, lose, no_patience, monkeypatch, catch_up, status, replay, ledger
):
    booking = order()
    lose("charge:")
    catch_up()
    monkeypatch.undo()
    pay_late(process)

    catch_up()

    assert status(booking) == "declined"
    assert paid(fan, booking.id) == [("charge", 4500, "succeeded"), ("refund", 4500, "succeeded")]
    assert (replay(), replay()) == (0, 0)
    assert ledger(booking.hold_id) == [("charge", 4500), ("refund", 4500)]


def test_a_request_that_reaches_the_provider_too_late_is_refused(
    order, process, lose, no_patience, monkeypatch, catch_up, replay, ledger
):
    booking = order()
    on_its_way = lose("charge:", sent=False)
    catch_up()
    monkeypatch.undo()
    pay_late(process)
    catch_up()

    with pytest.raises(stripe.IdempotencyError):
        process.provider._stripe.payment_intents.create(*on_its_way[0])

    assert replay() == 0
    assert ledger(booking.hold_id) == []


def test_a_hold_whose_charge_has_not_ended_cannot_be_closed(fan, order, process):
    """The provider refuses the key and lists no charge: an earlier request is still at work."""
    booking = order()
    process.provider._stripe.payment_intents.create(
        {"amount": 4500, "currency": "eur"}, {"idempotency_key": f"charge:{booking.hold_id}"}
    )

    with pytest.raises(OutcomeUnknown):
        process.provider.close(**of(fan, process, booking))
    with pytest.raises(OutcomeUnknown):
        process.provider.charge(**of(fan, process, booking), payment_method="pm_card_visa")


def of(client, process, booking):
    """The order of a booking, as the provider gets it."""
    with process.db.payments.reading() as session:
        known = handlers.service.customer_id(session, client.id)
    return {
        "customer_id": known,
        "account_id": client.id,
        "hold_id": booking.hold_id,
        "amount": 4500,
        "currency": "EUR",
    }


def test_another_card_after_a_lost_answer_gives_the_first_charge_back(fan, order, process, ledger):
    """A step before 10 may have left a charge without a booking."""
    booking = order()
    charge = process.provider.charge
    charge(**of(fan, process, booking), payment_method="pm_card_visa")

    again = charge(**of(fan, process, booking), payment_method="pm_card_mastercard")

    assert again.succeeded
    assert ledger(booking.hold_id) == [("charge", 4500), ("refund", 4500), ("charge", 4500)]


def test_a_declined_card_whose_answer_was_lost_leaves_room_for_another(fan, order, process, ledger):
    booking = order()
    charge = process.provider.charge
    charge(**of(fan, process, booking), payment_method="pm_card_visa_chargeDeclined")

    again = charge(**of(fan, process, booking), payment_method="pm_card_visa")

    assert again.succeeded
    assert ledger(booking.hold_id) == [("charge", 4500)]


@pytest.mark.parametrize("type", ["booking.requested", "booking.declined", "booking.cancelled"])
def test_messages_of_earlier_steps_move_no_money(fan, process, broker, catch_up, ledger, type):
    before = ledger()
    data = {
        "id": "old",
        "account_id": fan.id,
        "event_id": "old",
        "total": 4500,
        "currency": "EUR",
        "payment_method": "pm_card_visa",
    }

    broker.send([Message("bookings", type, "old", data, recorded_at=process.clock())])
    catch_up()

    assert ledger() == before
    assert (causes(process), rows(process, "select * from payments")) == ([], [])


def test_sixteen_new_customers_book_at_once(sign_up, make_event, sandbox):
    event = make_event(sections=(("Stalls", 2, 8, 4500),))
    buyers = [sign_up(f"buyer{number}") for number in range(16)]  # no worker has seen them
    holds = [
        buyer.post(f"/api/events/{event.id}/holds", json={"seats": [seat]}).json["id"]
        for buyer, seat in zip(buyers, event.seats, strict=True)
    ]
    sandbox(hang=True)

    def book(buyer, hold_id):
        order = {"hold_id": hold_id, "payment_method": "pm_card_visa"}
        return buyer.post("/api/bookings", json=order)

    with ThreadPoolExecutor(16) as threads:
        answers = list(threads.map(book, buyers, holds))

    assert [answer.json["status"] for answer in answers] == ["pending"] * 16
