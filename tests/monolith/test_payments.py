import json
import urllib.request
from contextlib import contextmanager

import pytest
from sqlalchemy import delete
from sqlalchemy.event import listen
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from monolith.bookings.model import Hold
from monolith.refusals import Unavailable


@pytest.fixture
def sandbox(lab_services):
    """Turn a knob of the payment sandbox; all are back where they were afterwards."""

    def turn(**knobs):
        request = urllib.request.Request(
            f"{lab_services.stripe_api_base}/_sandbox", json.dumps(knobs).encode(), {"Content-Type": "application/json"}, method="PATCH"
        )
        urllib.request.urlopen(request).close()

    yield turn
    turn(latency_ms=0, refuse=False, hang=False, silent=False, drop_after=0)


def hold(client, event, seats):
    return client.post(f"/api/events/{event.id}/holds", json={"seats": seats}).json["id"]


def book(client, hold_id):
    return client.post("/api/bookings", json={"hold_id": hold_id, "payment_method": "pm_card_visa"})


def test_a_booking_is_charged_once_and_its_cancellation_refunded_once(fan, event, buy, ledger):
    before = len(ledger())
    booking = buy(fan, event, event.seats[:2])
    fan.post(f"/api/bookings/{booking['id']}/cancellation")

    payments = fan.get(f"/api/payments?booking_id={booking['id']}").json["items"]

    assert [(payment["kind"], payment["amount"], payment["status"]) for payment in payments] == [("charge", 9000, "succeeded"), ("refund", 9000, "succeeded")]
    assert sorted(ledger()[before:]) == [("charge", 9000), ("refund", 9000)]


def test_a_refused_card_leaves_a_declined_payment_and_no_money(fan, event, buy, ledger):
    before = len(ledger())

    booking = buy(fan, event, event.seats[:1], card="pm_card_visa_chargeDeclined")

    assert [payment["status"] for payment in fan.get(f"/api/payments?booking_id={booking['id']}").json["items"]] == ["declined"]
    assert len(ledger()) == before


def test_payments_are_paged(fan, event, buy):
    booking = buy(fan, event, event.seats[:1])
    fan.post(f"/api/bookings/{booking['id']}/cancellation")

    first = fan.get(f"/api/payments?booking_id={booking['id']}&limit=1").json
    second = fan.get(f"/api/payments?booking_id={booking['id']}&limit=1&after={first['next']}").json

    assert [page["items"][0]["kind"] for page in (first, second)] == ["charge", "refund"]
    assert second["next"] is None


def test_payments_need_a_booking(fan):
    refused = fan.get("/api/payments")

    assert [error["field"] for error in refused.json["errors"]] == ["booking_id"]


def test_an_answer_that_is_lost_after_charging_charges_once(fan, event, sandbox, ledger):
    before, hold_id = len(ledger()), hold(fan, event, event.seats[:1])
    sandbox(drop_after=1)

    booked = book(fan, hold_id)

    assert booked.json["status"] == "confirmed"
    assert ledger()[before:] == [("charge", 4500)]


def test_while_the_provider_refuses_nothing_is_done_and_the_hold_can_be_booked_later(fan, event, sandbox, ledger):
    before, hold_id = len(ledger()), hold(fan, event, event.seats[:1])
    sandbox(refuse=True)

    refused = book(fan, hold_id)

    assert (refused.status_code, refused.json["type"]) == (503, "unavailable")
    assert refused.headers["Retry-After"]
    assert fan.get("/api/bookings").json["items"] == []
    sandbox(refuse=False)
    assert book(fan, hold_id).json["status"] == "confirmed"
    assert ledger()[before:] == [("charge", 4500)]


def test_while_the_provider_refuses_a_booking_stays_confirmed_rather_than_half_cancelled(fan, event, buy, sandbox):
    booking = buy(fan, event, event.seats[:1])
    sandbox(refuse=True)

    refused = fan.post(f"/api/bookings/{booking['id']}/cancellation")

    assert refused.status_code == 503
    assert fan.get(f"/api/bookings/{booking['id']}").json["status"] == "confirmed"


def test_what_was_paid_at_the_box_office_is_refunded_there(fan, event, buy, process, ledger):
    booking = buy(fan, event, event.seats[:1])
    with process.db.transaction() as session:
        session.connection().exec_driver_sql("update payments set provider_id = null")
    before = len(ledger())

    cancelled = fan.post(f"/api/bookings/{booking['id']}/cancellation")

    assert cancelled.json["status"] == "cancelled"
    assert len(ledger()) == before


class Broken(Exception):
    """A fault of our own after the charge."""


@pytest.fixture
def known(fan, catch_up):
    """The fan, once the payment provider knows them: a booking is then the only transaction of its request."""
    catch_up()
    return fan


def test_when_something_fails_after_the_charge_it_is_given_back(known, event, ledger):
    fan, before, hold_id = known, len(ledger()), hold(known, event, event.seats[:1])

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


def test_when_a_commit_took_effect_although_it_seemed_to_fail_nothing_is_given_back(known, event, ledger):
    fan, before, hold_id = known, len(ledger()), hold(known, event, event.seats[:1])

    def cut_off(session):
        raise OperationalError("commit", {}, Exception("the connection was lost"))

    listen(Session, "after_commit", cut_off, once=True)
    failed = book(fan, hold_id)

    assert failed.status_code == 503
    assert ledger()[before:] == [("charge", 4500)]
    assert [booking["status"] for booking in fan.get("/api/bookings").json["items"]] == ["confirmed"]


def test_a_hold_that_is_given_back_while_its_booking_fails_takes_no_money(known, event, process, ledger, monkeypatch):
    fan, before, hold_id = known, len(ledger()), hold(known, event, event.seats[:1])
    transaction = process.db.transaction

    @contextmanager
    def after_it_was_given_back(*part):
        with transaction(*part) as session:
            session.execute(delete(Hold))
            yield session

    def fail(session):
        monkeypatch.setattr(process.db, "transaction", after_it_was_given_back)
        raise Unavailable("Something")

    listen(Session, "before_commit", fail, once=True)

    assert book(fan, hold_id).status_code == 503
    assert ledger()[before:] == [("charge", 4500), ("refund", 4500)]
