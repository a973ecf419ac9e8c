"""Step 11: move money with its data: copy, verify, switch, contract."""

import pytest


@pytest.fixture
def fan(encore):
    return encore.sign_in("fan@encore.example")


@pytest.fixture
def book(fan):
    """A function: hold a free seat and book it; returns the booking's id."""
    event = fan.request("GET", "/api/events").json["items"][0]["id"]
    seats = fan.request("GET", f"/api/events/{event}/seats").json["items"]
    free = iter([seat["id"] for seat in seats if seat["status"] == "free"])

    def book():
        held = fan.request("POST", f"/api/events/{event}/holds", json={"seats": [next(free)]})
        order = {"hold_id": held.json["id"], "payment_method": "pm_card_visa"}
        return fan.request("POST", "/api/bookings", json=order).json["id"]

    return book


@pytest.fixture
def paid(fan):
    """A function: [(kind, amount, status)] of a booking's payments; empty if nobody answers."""

    def paid(booking):
        answer = fan.request("GET", f"/api/payments?booking_id={booking}")
        items = answer.json["items"] if answer.status == 200 else []
        return [(each["kind"], each["amount"], each["status"]) for each in items]

    return paid


@pytest.fixture
def status(fan):
    """A function: the status of a booking."""
    return lambda booking: fan.request("GET", f"/api/bookings/{booking}").json["status"]


def test_payments_are_listed_while_the_monolith_is_stopped(
    encore, fan, book, paid, status, eventually
):
    booking = book()
    eventually(lambda: status(booking) == "confirmed")
    before = paid(booking)

    encore.stop("web")

    assert fan.request("GET", f"/api/payments?booking_id={booking}").status == 200
    assert paid(booking) == before
    assert [kind for kind, *_ in before] == ["charge"]


def test_pending_bookings_are_charged_while_the_monoliths_database_is_away(
    encore, book, paid, status, eventually
):
    encore.stop("payments-sandbox")
    bookings = [book() for _ in range(3)]
    eventually(
        lambda: set(bookings) <= {each["key"] for each in encore.events("bookings")}, within=30
    )

    encore.stop("postgres")
    encore.start("payments-sandbox")

    eventually(lambda: all(paid(booking) for booking in bookings), within=30)
    shown = [payment for booking in bookings for payment in paid(booking)]
    charged = [("charge", each["amount"], "succeeded") for each in encore.charges()]
    assert sorted(shown) == sorted(charged)
    assert len(charged) == len(bookings)
    encore.start("postgres")
    eventually(lambda: {status(booking) for booking in bookings} == {"confirmed"}, within=60)
    assert (len(encore.charges()), encore.refunds()) == (len(bookings), [])
