import json
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest
import stripe
from sqlalchemy.event import listen
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from monolith.payments.provider import Provider


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
    """A function: let the provider do the next request whose key begins so, and lose its answer."""

    def lose(resource, key):
        service = getattr(process.provider._stripe, resource)
        create = service.create

        def create_and_lose(params, options):
            answer = create(params, options)
            if not options["idempotency_key"].startswith(key):
                return answer
            monkeypatch.setattr(service, "create", create)
            raise stripe.APIConnectionError("The connection was lost.")

        monkeypatch.setattr(service, "create", create_and_lose)

    return lose


@pytest.fixture
def known_fan(fan, catch_up):
    """A fan with a customer at the provider, so that booking runs only one transaction."""
    catch_up()
    return fan


def hold(client, event, seats):
    return client.post(f"/api/events/{event.id}/holds", json={"seats": seats}).json["id"]


def book(client, hold_id, card="pm_card_visa"):
    return client.post("/api/bookings", json={"hold_id": hold_id, "payment_method": card})


@pytest.fixture
def forget_customer(process):
    """A function: make the provider's customer of an account unknown to it."""

    def forget_customer(client):
        with process.db.monolith.transaction() as session:
            session.connection().exec_driver_sql(
                "update customers set provider_id = 'cus_nobody' where account_id = %s",
                (client.id,),
            )

    return forget_customer


def test_a_cancelled_booking_is_charged_and_refunded_once(fan, event, buy, ledger):
    before = len(ledger())
    booking = buy(fan, event, event.seats[:2])
    fan.post(f"/api/bookings/{booking['id']}/cancellation")

    payments = fan.get(f"/api/payments?booking_id={booking['id']}").json["items"]

    assert [(payment["kind"], payment["amount"], payment["status"]) for payment in payments] == [
        ("charge", 9000, "succeeded"),
        ("refund", 9000, "succeeded"),
    ]
    assert sorted(ledger()[before:]) == [("charge", 9000), ("refund", 9000)]


def test_a_declined_card_leaves_a_declined_payment(fan, event, buy, ledger):
    before = len(ledger())

    booking = buy(fan, event, event.seats[:1], card="pm_card_visa_chargeDeclined")

    assert [
        payment["status"]
        for payment in fan.get(f"/api/payments?booking_id={booking['id']}").json["items"]
    ] == ["declined"]
    assert len(ledger()) == before


def test_payments_are_paged(fan, event, buy):
    booking = buy(fan, event, event.seats[:1])
    fan.post(f"/api/bookings/{booking['id']}/cancellation")

    first = fan.get(f"/api/payments?booking_id={booking['id']}&limit=1").json
    second = fan.get(f"/api/payments?booking_id={booking['id']}&limit=1&after={first['next']}").json

    assert [page["items"][0]["kind"] for page in (first, second)] == ["charge", "refund"]
    assert second["next"] is None


def test_payments_cannot_be_listed_without_a_booking(fan):
    refused = fan.get("/api/payments")

    assert [error["field"] for error in refused.json["errors"]] == ["booking_id"]


def test_a_repeat_after_a_lost_answer_charges_once(known_fan, event, sandbox, ledger):
    before, hold_id = len(ledger()), hold(known_fan, event, event.seats[:1])
    sandbox(drop_after=1)

    lost = book(known_fan, hold_id)

    assert (lost.status_code, lost.json["type"]) == (502, "outcome-unknown")
    assert book(known_fan, hold_id).json["status"] == "confirmed"
    assert ledger()[before:] == [("charge", 4500)]


def test_another_card_after_a_lost_answer_gives_the_first_charge_back(
    known_fan, event, sandbox, ledger
):
    hold_id = hold(known_fan, event, event.seats[:1])
    sandbox(drop_after=1)
    book(known_fan, hold_id)

    booked = book(known_fan, hold_id, "pm_card_mastercard")

    assert booked.json["status"] == "confirmed"
    assert ledger(hold_id) == [("charge", 4500), ("refund", 4500), ("charge", 4500)]


def test_cards_may_change_whatever_answer_is_lost(known_fan, event, lose, ledger):
    hold_id = hold(known_fan, event, event.seats[:1])
    lost = []
    for resource, key, card in (
        ("payment_intents", f"charge:{hold_id}", "pm_card_visa"),
        ("refunds", "refund:", "pm_card_mastercard"),
        ("payment_intents", f"charge:{hold_id}:1:", "pm_card_mastercard"),
    ):
        lose(resource, key)
        lost.append(book(known_fan, hold_id, card).status_code)

    booked = book(known_fan, hold_id, "pm_card_visa")

    assert lost == [502, 502, 502]
    assert booked.json["status"] == "confirmed"
    assert [kind for kind, _ in ledger(hold_id)] == ["charge", "refund"] * 2 + ["charge"]


def test_a_declined_card_whose_answer_was_lost_leaves_room_for_another(
    known_fan, event, sandbox, ledger
):
    hold_id = hold(known_fan, event, event.seats[:1])
    sandbox(drop_after=1)
    book(known_fan, hold_id, "pm_card_visa_chargeDeclined")

    booked = book(known_fan, hold_id)

    assert booked.json["status"] == "confirmed"
    assert ledger(hold_id) == [("charge", 4500)]


def test_a_charge_that_is_processing_is_not_declined(known_fan, event, sandbox, ledger):
    hold_id = hold(known_fan, event, event.seats[:1])
    sandbox(processing=True)
    answers = [
        book(known_fan, hold_id),
        book(known_fan, hold_id),
        book(known_fan, hold_id, "pm_card_mastercard"),
    ]
    sandbox(processing=False)

    booked = book(known_fan, hold_id)

    assert [answer.status_code for answer in answers] == [502, 502, 502]
    assert booked.json["status"] == "confirmed"
    assert ledger(hold_id) == [("charge", 4500)]


def test_a_hold_can_be_booked_after_provider_errors(known_fan, event, sandbox, ledger):
    before, hold_id = len(ledger()), hold(known_fan, event, event.seats[:1])
    sandbox(refuse=True)

    refused = book(known_fan, hold_id)

    assert (refused.status_code, refused.json["type"]) == (502, "outcome-unknown")
    assert known_fan.get("/api/bookings").json["items"] == []
    sandbox(refuse=False)
    assert book(known_fan, hold_id).json["status"] == "confirmed"
    assert ledger()[before:] == [("charge", 4500)]


def test_a_provider_that_is_away_did_nothing(fan, event, process, monkeypatch):
    hold_id = hold(fan, event, event.seats[:1])
    away = Provider("http://127.0.0.1:1", "sk_test_1", timeout=1)
    monkeypatch.setattr(process, "provider", away)

    refused = book(fan, hold_id)

    assert (refused.status_code, refused.json["type"]) == (503, "unavailable")
    assert refused.headers["Retry-After"]


def test_a_wrong_key_did_nothing(fan, event, process, monkeypatch, lab_services):
    hold_id = hold(fan, event, event.seats[:1])
    wrong = Provider(lab_services.stripe_api_base, "sk_live_1", timeout=1)
    monkeypatch.setattr(process, "provider", wrong)

    assert book(fan, hold_id).status_code == 503


def test_a_customer_that_the_provider_forgot_is_made_anew(
    fan, event, catch_up, forget_customer, ledger
):
    catch_up()
    forget_customer(fan)
    hold_id = hold(fan, event, event.seats[:1])

    booked = book(fan, hold_id)

    assert booked.json["status"] == "confirmed"
    assert ledger(hold_id) == [("charge", 4500)]


def test_a_charge_that_the_provider_forgot_cannot_be_refunded(fan, event, buy, process, caplog):
    booking = buy(fan, event, event.seats[:1])
    with process.db.monolith.transaction() as session:
        session.connection().exec_driver_sql("update payments set provider_id = 'pi_nobody'")

    refused = fan.post(f"/api/bookings/{booking['id']}/cancellation")

    assert (refused.status_code, refused.json["type"]) == (503, "unavailable")
    assert "payment provider" in caplog.messages
    assert fan.get(f"/api/bookings/{booking['id']}").json["status"] == "confirmed"


def test_a_refund_whose_answer_was_lost_is_repeated(fan, event, buy, sandbox, ledger):
    booking = buy(fan, event, event.seats[:1])
    before = len(ledger())
    sandbox(drop_after=1)

    lost = fan.post(f"/api/bookings/{booking['id']}/cancellation")

    assert (lost.status_code, lost.json["type"]) == (502, "outcome-unknown")
    cancelled = fan.post(f"/api/bookings/{booking['id']}/cancellation")
    assert cancelled.json["status"] == "cancelled"
    assert ledger()[before:] == [("refund", 4500)]


def test_a_refund_that_failed_is_not_a_cancellation(fan, event, buy, process, monkeypatch):
    booking = buy(fan, event, event.seats[:1])
    failed = SimpleNamespace(id="re_1", status="failed")
    monkeypatch.setattr(process.provider._stripe.refunds, "create", lambda *arguments: failed)

    refused = fan.post(f"/api/bookings/{booking['id']}/cancellation")

    assert refused.status_code == 503
    assert fan.get(f"/api/bookings/{booking['id']}").json["status"] == "confirmed"


def test_a_failed_refund_leaves_the_booking_confirmed(fan, event, buy, sandbox):
    booking = buy(fan, event, event.seats[:1])
    sandbox(refuse=True)

    refused = fan.post(f"/api/bookings/{booking['id']}/cancellation")

    assert refused.status_code == 502
    assert fan.get(f"/api/bookings/{booking['id']}").json["status"] == "confirmed"


def test_box_office_payments_are_not_refunded_by_the_provider(fan, event, buy, process, ledger):
    booking = buy(fan, event, event.seats[:1])
    with process.db.monolith.transaction() as session:
        session.connection().exec_driver_sql("update payments set provider_id = null")
    before = len(ledger())

    cancelled = fan.post(f"/api/bookings/{booking['id']}/cancellation")

    assert cancelled.json["status"] == "cancelled"
    assert len(ledger()) == before


class Broken(Exception):
    """An error in our own code after the charge."""


def test_a_failure_after_the_charge_leaves_the_hold_and_its_charge(known_fan, event, ledger):
    fan, before, hold_id = known_fan, len(ledger()), hold(known_fan, event, event.seats[:1])

    def fail(session):
        raise Broken

    listen(Session, "before_commit", fail, once=True)
    failed = book(fan, hold_id)

    assert (failed.status_code, failed.json["type"]) == (502, "outcome-unknown")
    assert fan.get("/api/bookings").json["items"] == []
    assert book(fan, hold_id).json["status"] == "confirmed"
    assert ledger()[before:] == [("charge", 4500)]


def test_a_commit_that_only_seemed_to_fail_is_booked_once(known_fan, event, ledger):
    fan, hold_id = known_fan, hold(known_fan, event, event.seats[:1])

    def cut_off(session):
        raise OperationalError("commit", {}, Exception("the connection was lost"))

    listen(Session, "after_commit", cut_off, once=True)
    lost = book(fan, hold_id)

    assert (lost.status_code, lost.json["type"]) == (502, "outcome-unknown")
    again = book(fan, hold_id)
    assert (again.status_code, again.json["type"]) == (409, "hold-used")
    assert ledger(hold_id) == [("charge", 4500)]


@pytest.mark.parametrize("param", ["customer", "amount", None])
def test_a_fault_of_ours_is_never_a_declined_card(fan, event, process, monkeypatch, ledger, param):
    before = len(ledger())
    hold_id = hold(fan, event, event.seats[:1])

    def refuse(*arguments):
        raise stripe.InvalidRequestError("This is our fault.", param, code="resource_missing")

    monkeypatch.setattr(process.provider._stripe.payment_intents, "create", refuse)
    refused = book(fan, hold_id)
    monkeypatch.undo()

    assert (refused.status_code, refused.json["type"]) == (503, "unavailable")
    assert ledger()[before:] == []
    assert book(fan, hold_id).json["status"] == "confirmed"


def test_sixteen_new_customers_book_at_once(sign_up, make_event, sandbox):
    event = make_event(sections=(("Stalls", 2, 8, 4500),))
    buyers = [sign_up(f"buyer{number}") for number in range(16)]  # no worker has seen them
    holds = [hold(buyer, event, [seat]) for buyer, seat in zip(buyers, event.seats, strict=True)]
    sandbox(latency_ms=3000)

    with ThreadPoolExecutor(16) as threads:
        answers = list(threads.map(book, buyers, holds))

    assert [answer.status_code for answer in answers] == [201] * 16
