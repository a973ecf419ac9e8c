"""While the other side has the rows, this one decides nothing: requests and messages wait."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import event as events
from sqlalchemy.engine import Engine

from extracted.bookings import deadline
from kit.message import Message

CLOSE = "update epoch set number = number + 1, is_open = false"
OPEN = "update epoch set number = number + 1, is_open = true"
STATUSES = "select status from bookings"


@pytest.fixture
def order(fan, event):
    """A pending booking."""
    held = fan.post(f"/api/events/{event.id}/holds", json={"seats": event.seats[:1]}).json
    body = {"hold_id": held["id"], "payment_method": "pm_card_visa"}
    return fan.post("/api/bookings", json=body).json


@pytest.fixture
def asked():
    """The statements so far that ask whether this side is open."""
    asked = []

    def note(connection, cursor, statement, *more):
        if "from epoch" in statement:
            asked.append(statement)

    events.listen(Engine, "before_cursor_execute", note)
    yield asked
    events.remove(Engine, "before_cursor_execute", note)


def test_a_message_about_money_waits(order, change, rows, catch_up, consumers, eventually):
    change(CLOSE)
    catch_up()
    closed = rows(STATUSES), rows("select message_id from inbox where consumer = 'bookings'")

    change(OPEN)
    eventually(lambda: consumers["bookings"].step() or rows(STATUSES) == [("confirmed",)])

    assert closed == ([("pending",)], [])
    assert rows("select cause from dead_letters") == []


def test_a_message_about_rows_that_are_behind_waits(
    fan, event, buy, process, broker, change, rows, consumers, eventually
):
    booking = buy(fan, event, event.seats[:1])
    change(CLOSE)
    refunded = {"id": "r", "booking_id": booking["id"], "amount": 4500, "currency": "EUR"}
    now = process.clock()
    broker.send([Message("payments", "payment.refunded", booking["id"], refunded, recorded_at=now)])

    consumers["bookings"].step()
    change(OPEN)
    change("update bookings set status = 'cancelling'")  # it comes by replication

    eventually(lambda: consumers["bookings"].step() or rows(STATUSES) == [("cancelled",)])


def test_no_booking_is_declined(order, process, change, rows, caplog):
    now = process.clock()
    process.clock = lambda: now + timedelta(minutes=16)
    change(CLOSE)

    deadline.decline_overdue(process)
    closed = rows(STATUSES)
    change(OPEN)
    deadline.decline_overdue(process)

    assert (closed, rows(STATUSES)) == ([("pending",)], [("declined",)])
    assert caplog.records == []


@pytest.mark.parametrize("path", ["/api/bookings", "/api/events/{event}/seats"])
def test_a_request_waits(fan, event, change, asked, eventually, path):
    change(CLOSE)
    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(fan.get, path.format(event=event.id))
        eventually(lambda: len(asked) > 1)
        change(OPEN)

        assert waiting.result(timeout=30).status_code == 200


def test_a_request_waits_for_some_seconds_only(fan, change):
    change(CLOSE)

    refused = fan.get("/api/bookings")

    assert (refused.status_code, refused.json["type"]) == (503, "unavailable")
