"""Money that moved at the payment provider without a booking that says so is put right."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
import stripe

from monolith.payments.provider import Provider
from monolith.reconcile import reconcile, reconcile_alone, start

WEEK = timedelta(days=7)
OVER = timedelta(minutes=16)  # a hold has ended, and a booking that began in time too


@pytest.fixture
def lost_charge(fan, event, process, monkeypatch):
    """The id of a hold whose card was charged, and whose answer was lost."""
    service = process.provider._stripe.payment_intents
    create = service.create

    def create_and_lose(params, options):
        create(params, options)
        raise stripe.APIConnectionError("The connection was lost.")

    held = fan.post(f"/api/events/{event.id}/holds", json={"seats": event.seats[:1]})
    monkeypatch.setattr(service, "create", create_and_lose)
    order = {"hold_id": held.json["id"], "payment_method": "pm_card_visa"}
    assert fan.post("/api/bookings", json=order).status_code == 502
    monkeypatch.setattr(service, "create", create)
    return held.json["id"]


@pytest.fixture
def refunded_booking(fan, event, buy, process):
    """A confirmed booking whose refund was made, and whose process died before the commit."""
    booking = buy(fan, event, event.seats[1:2])
    with process.db.monolith.reading() as session:
        charge_id = session.connection().exec_driver_sql(
            "select provider_id from payments where booking_id = %s", (booking["id"],)
        )
        process.provider.refund(charge_id.scalar(), key=booking["id"], booking_id=booking["id"])
    return booking["id"]


def later(process, by):
    now = process.clock()
    process.clock = lambda: now + by


def test_a_charge_whose_hold_is_over_is_given_back_once(process, lost_charge, ledger):
    later(process, OVER)

    first, second = reconcile(process, WEEK), reconcile(process, WEEK)

    assert (first["given back"], second["given back"]) == (1, 0)
    assert ledger(lost_charge) == [("charge", 4500), ("refund", 4500)]


def test_a_charge_whose_hold_can_be_booked_is_left(fan, process, lost_charge, ledger):
    reconcile(process, WEEK)

    order = {"hold_id": lost_charge, "payment_method": "pm_card_visa"}
    booked = fan.post("/api/bookings", json=order)

    assert booked.json["status"] == "confirmed"
    assert ledger(lost_charge) == [("charge", 4500)]


def test_a_charge_whose_booking_runs_is_left(fan, event, process, monkeypatch, ledger, eventually):
    held = fan.post(f"/api/events/{event.id}/holds", json={"seats": event.seats[:1]}).json["id"]
    order = {"hold_id": held, "payment_method": "pm_card_visa"}
    service = process.provider._stripe.payment_intents
    create, may_answer = service.create, threading.Event()

    def create_and_wait(params, options):
        answer = create(params, options)
        assert may_answer.wait(60)
        return answer

    monkeypatch.setattr(service, "create", create_and_wait)
    with ThreadPoolExecutor(2) as threads:
        booking = threads.submit(fan.post, "/api/bookings", json=order)
        eventually(lambda: ledger(held))
        later(process, OVER)
        done = threads.submit(reconcile, process, WEEK)
        eventually(lambda: waits_for_a_lock(process))
        may_answer.set()

    assert booking.result().json["status"] == "confirmed"
    assert done.result()["given back"] == 0
    assert ledger(held) == [("charge", 4500)]


def test_a_charge_whose_booking_waits_for_its_money_is_left(process, lost_charge, ledger):
    with process.db.monolith.transaction() as session:
        session.connection().exec_driver_sql(
            "insert into bookings"
            " (id, account_id, event_id, hold_id, total, currency, created_at, status)"
            " select 'of-step-10', account_id, event_id, id, total, currency, now(), 'pending'"
            " from holds where id = %s",
            (lost_charge,),
        )
    later(process, OVER)

    done = reconcile(process, WEEK)

    assert done["given back"] == 0
    assert ledger(lost_charge) == [("charge", 4500)]


def waits_for_a_lock(process):
    """Whether a session on this database waits for another."""
    with process.db.monolith.reading() as session:
        waiting = session.connection().exec_driver_sql(
            "select count(*) from pg_stat_activity "
            "where datname = current_database() and wait_event_type = 'Lock'"
        )
        return waiting.scalar() > 0


def test_a_charge_of_a_booking_is_left(fan, event, buy, process, ledger):
    buy(fan, event, event.seats[:1])
    before = ledger()
    later(process, OVER)

    reconcile(process, WEEK)

    assert ledger() == before


def test_a_charge_of_an_account_that_is_not_ours_is_left(process, ledger):
    process.provider.charge(
        customer_id=None,
        account_id="somebody-elses",
        hold_id="somebody-elses",
        amount=4500,
        currency="EUR",
        payment_method="pm_card_visa",
    )
    later(process, OVER)

    reconcile(process, WEEK)

    assert ledger("somebody-elses") == [("charge", 4500)]


def test_a_booking_whose_charge_was_refunded_is_cancelled(fan, event, process, refunded_booking):
    done = reconcile(process, WEEK)

    assert done["cancelled"] == 1
    assert fan.get(f"/api/bookings/{refunded_booking}").json["status"] == "cancelled"
    assert fan.get(f"/api/events/{event.id}/seats").json["items"][1]["status"] == "free"
    payments = fan.get(f"/api/payments?booking_id={refunded_booking}").json["items"]
    assert [payment["kind"] for payment in payments] == ["charge", "refund"]


def test_one_that_fails_does_not_stop_the_others(
    fan, process, lost_charge, refunded_booking, monkeypatch, ledger
):
    def refuse(params, options):
        raise stripe.APIConnectionError("The connection was lost.")

    later(process, OVER)
    service = process.provider._stripe.refunds
    create = service.create
    monkeypatch.setattr(service, "create", refuse)
    failed = reconcile(process, WEEK)
    monkeypatch.setattr(service, "create", create)

    mended = reconcile(process, WEEK)

    assert failed["left"] == 2
    assert (mended["given back"], mended["cancelled"], mended["left"]) == (1, 1, 0)
    assert ledger(lost_charge) == [("charge", 4500), ("refund", 4500)]


def test_the_command_prints_what_was_done(app, process, lost_charge):
    later(process, OVER)

    done = app.test_cli_runner().invoke(args=["reconcile"])

    assert (done.exit_code, done.output.splitlines()[-1]) == (
        0,
        "given back: 1, cancelled: 0, left: 0",
    )


def test_the_command_says_that_the_provider_is_away(app, process):
    process.provider = Provider("http://127.0.0.1:1", "sk_test_1", timeout=1)

    done = app.test_cli_runner().invoke(args=["reconcile"])

    assert done.exit_code == 1
    assert "The payment provider is not available just now." in done.output


def test_only_one_instance_reconciles_at_a_time(process, lost_charge, monkeypatch):
    later(process, OVER)
    list_refunds = process.provider.refunds
    meanwhile = []

    def list_slowly(since):
        monkeypatch.undo()
        meanwhile.append(reconcile_alone(process, WEEK))
        return list_refunds(since)

    monkeypatch.setattr(process.provider, "refunds", list_slowly)
    first, second = reconcile_alone(process, WEEK), reconcile_alone(process, WEEK)

    assert meanwhile == [None]
    assert (first["given back"], second["given back"]) == (1, 0)


def test_a_process_reconciles_when_it_starts(process, lost_charge, ledger, eventually):
    later(process, OVER)

    stop = start(process)

    eventually(lambda: ledger(lost_charge) == [("charge", 4500), ("refund", 4500)])
    stop.set()
    eventually(lambda: "reconcile" not in {thread.name for thread in threading.enumerate()})
