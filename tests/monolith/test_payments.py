import json
import urllib.request
from contextlib import contextmanager

import pytest
import stripe
from sqlalchemy import delete
from sqlalchemy.event import listen
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from kit.refusals import Unavailable
from monolith.bookings.model import Hold


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
    turn(latency_ms=0, refuse=False, hang=False, silent=False, drop_after=0)


def hold(client, event, seats):
    return client.post(f"/api/events/{event.id}/holds", json={"seats": seats}).json["id"]


def book(client, hold_id):
    return client.post("/api/bookings", json={"hold_id": hold_id, "payment_method": "pm_card_visa"})


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


def test_a_lost_answer_of_the_provider_charges_once(fan, event, sandbox, ledger):
    before, hold_id = len(ledger()), hold(fan, event, event.seats[:1])
    sandbox(drop_after=1)

    booked = book(fan, hold_id)

    assert booked.json["status"] == "confirmed"
    assert ledger()[before:] == [("charge", 4500)]


def test_a_hold_can_be_booked_after_provider_errors(fan, event, sandbox, ledger):
    before, hold_id = len(ledger()), hold(fan, event, event.seats[:1])
    sandbox(refuse=True)

    refused = book(fan, hold_id)

    assert (refused.status_code, refused.json["type"]) == (503, "unavailable")
    assert refused.headers["Retry-After"]
    assert fan.get("/api/bookings").json["items"] == []
    sandbox(refuse=False)
    assert book(fan, hold_id).json["status"] == "confirmed"
    assert ledger()[before:] == [("charge", 4500)]


def test_a_failed_refund_leaves_the_booking_confirmed(fan, event, buy, sandbox):
    booking = buy(fan, event, event.seats[:1])
    sandbox(refuse=True)

    refused = fan.post(f"/api/bookings/{booking['id']}/cancellation")

    assert refused.status_code == 503
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


@pytest.fixture
def known_fan(fan, catch_up):
    """A fan with a customer at the provider, so that booking runs only one transaction."""
    catch_up()
    return fan


def test_a_failure_after_the_charge_causes_a_refund(known_fan, event, ledger):
    fan, before, hold_id = known_fan, len(ledger()), hold(known_fan, event, event.seats[:1])

    def fail(session):
        raise Broken

    listen(Session, "before_commit", fail, once=True)
    fan.application.config["PROPAGATE_EXCEPTIONS"] = False

    failed = book(fan, hold_id)

    assert (failed.status_code, failed.json["type"]) == (500, "internal-error")
    assert ledger()[before:] == [("charge", 4500), ("refund", 4500)]
    assert fan.get("/api/bookings").json["items"] == []
    assert fan.get(f"/api/events/{event.id}/seats").json["items"][0]["status"] == "free"
    assert book(fan, hold_id).status_code == 404


def test_no_refund_when_a_commit_only_seemed_to_fail(known_fan, event, ledger):
    fan, before, hold_id = known_fan, len(ledger()), hold(known_fan, event, event.seats[:1])

    def cut_off(session):
        raise OperationalError("commit", {}, Exception("the connection was lost"))

    listen(Session, "after_commit", cut_off, once=True)
    failed = book(fan, hold_id)

    assert failed.status_code == 503
    assert ledger()[before:] == [("charge", 4500)]
    assert [booking["status"] for booking in fan.get("/api/bookings").json["items"]] == [
        "confirmed"
    ]


def test_a_failed_booking_of_a_released_hold_is_refunded(
    known_fan, event, process, ledger, monkeypatch
):
    fan, before, hold_id = known_fan, len(ledger()), hold(known_fan, event, event.seats[:1])
    transaction = process.db.bookings.transaction

    @contextmanager
    def after_hold_was_released():
        with transaction() as session:
            session.execute(delete(Hold))
            yield session

    def fail(session):
        monkeypatch.setattr(process.db.bookings, "transaction", after_hold_was_released)
        raise Unavailable("Something")

    listen(Session, "before_commit", fail, once=True)

    assert book(fan, hold_id).status_code == 503
    assert ledger()[before:] == [("charge", 4500), ("refund", 4500)]


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
