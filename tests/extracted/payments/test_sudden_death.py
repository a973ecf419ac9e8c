"""kill -9 between the provider's effect and the commit leaves no damage: the message is processed
again, with the same key."""

import pytest

BOOKINGS = 4


@pytest.fixture
def fan(encore):
    return encore.sign_in("fan@encore.example")


@pytest.fixture
def moved(encore):
    """A function: how many charges and refunds there were since the test has begun."""
    before = len(encore.charges()), len(encore.refunds())
    return lambda: (len(encore.charges()) - before[0], len(encore.refunds()) - before[1])


@pytest.fixture
def book(fan):
    """A function: book so many free seats, each by itself; returns the ids of the bookings."""
    event = fan.request("GET", "/api/events").json["items"][0]["id"]
    seats = fan.request("GET", f"/api/events/{event}/seats").json["items"]
    free = iter([seat["id"] for seat in seats if seat["status"] == "free"])

    def book(count):
        return [buy([next(free)]) for _ in range(count)]

    def buy(seats):
        hold = fan.request("POST", f"/api/events/{event}/holds", json={"seats": seats}).json["id"]
        order = {"hold_id": hold, "payment_method": "pm_card_visa"}
        return fan.request("POST", "/api/bookings", json=order).json["id"]

    return book


@pytest.fixture
def end(fan, eventually):
    """A function: wait until bookings have a status."""

    def statuses(bookings):
        return {fan.request("GET", f"/api/bookings/{id}").json["status"] for id in bookings}

    def end(bookings, status):
        eventually(lambda: statuses(bookings) == {status}, within=60)

    return end


def test_a_kill_after_the_charge_charges_once(encore, book, end, moved, eventually):
    end(book(1), "confirmed")  # from now on the provider knows this customer
    encore.sandbox(silent=True)
    bookings = book(BOOKINGS)
    eventually(lambda: moved() > (1, 0))

    encore.kill("payments-worker")
    encore.sandbox(silent=False)

    end(bookings, "confirmed")
    assert moved() == (BOOKINGS + 1, 0)


def test_a_kill_after_the_refund_refunds_once(encore, fan, book, end, moved, eventually):
    bookings = book(BOOKINGS)
    end(bookings, "confirmed")
    encore.sandbox(silent=True)
    for id in bookings:
        assert fan.request("POST", f"/api/bookings/{id}/cancellation").status == 202
    eventually(lambda: moved() > (BOOKINGS, 0))

    encore.kill("payments-worker")
    encore.sandbox(silent=False)

    end(bookings, "cancelled")
    assert moved() == (BOOKINGS, BOOKINGS)


def test_a_kill_of_web_leaves_every_acknowledged_booking(encore, book, end, moved):
    encore.sandbox(hang=True)
    bookings = book(BOOKINGS)

    encore.kill("bookings-web")
    encore.sandbox(hang=False)
    encore.wait_ready()

    end(bookings, "confirmed")
    assert moved() == (BOOKINGS, 0)
