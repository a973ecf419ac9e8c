"""Step 10: make the booking wait for an answer instead of a call."""

import pytest


@pytest.fixture
def fan(encore):
    return encore.sign_in("fan@encore.example")


@pytest.fixture
def booked_while_the_provider_hangs(encore, fan):
    """A function: hold a free seat and book it with a card while the provider answers nobody;
    returns the answer, and the seat's status then."""
    event = fan.request("GET", "/api/events").json["items"][0]["id"]

    def seats():
        return fan.request("GET", f"/api/events/{event}/seats").json["items"]

    def book(card):
        seat = next(seat["id"] for seat in seats() if seat["status"] == "free")
        held = fan.request("POST", f"/api/events/{event}/holds", json={"seats": [seat]})
        order = {"hold_id": held.json["id"], "payment_method": card}
        encore.sandbox(hang=True)
        booked = fan.request("POST", "/api/bookings", json=order)
        meanwhile = status(seat)
        encore.sandbox(hang=False)
        return booked, meanwhile, lambda: status(seat)

    def status(id):
        return next(seat["status"] for seat in seats() if seat["id"] == id)

    return book


def test_a_booking_waits_while_the_payment_provider_hangs(
    encore, fan, booked_while_the_provider_hangs, eventually
):
    booked, meanwhile, _ = booked_while_the_provider_hangs("pm_card_visa")

    assert (booked.status, booked.json.get("status"), meanwhile) == (201, "pending", "sold")
    path = f"/api/bookings/{booked.json['id']}"
    eventually(lambda: fan.request("GET", path).json["status"] == "confirmed", within=60)
    assert len(encore.charges()) == 1


def test_a_refused_card_frees_the_seats_of_a_pending_booking(
    encore, fan, booked_while_the_provider_hangs, eventually
):
    booked, meanwhile, now = booked_while_the_provider_hangs("pm_card_visa_chargeDeclined")

    assert (booked.status, booked.json.get("status"), meanwhile) == (201, "pending", "sold")
    path = f"/api/bookings/{booked.json['id']}"
    eventually(lambda: fan.request("GET", path).json["status"] == "declined", within=60)
    assert (now(), encore.charges()) == ("free", [])
