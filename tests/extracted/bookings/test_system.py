"""The service in the system: who answers, what works while others are away, and what a kill of each
of its processes leaves."""

import signal

import pytest


@pytest.fixture
def fan(encore):
    return encore.sign_in("fan@encore.example")


@pytest.fixture
def free(encore, fan):
    """(an event, an iterator over its free seats)"""
    event = fan.request("GET", "/api/events").json["items"][0]["id"]
    seats = fan.request("GET", f"/api/events/{event}/seats").json["items"]
    return event, iter([seat["id"] for seat in seats if seat["status"] == "free"])


@pytest.fixture
def book(fan, free):
    """A function: hold the next free seat and book it; returns the booking's id."""
    event, seats = free

    def book():
        path = f"/api/events/{event}/holds"
        held = fan.request("POST", path, json={"seats": [next(seats)]})
        order = {"hold_id": held.json["id"], "payment_method": "pm_card_visa"}
        return fan.request("POST", "/api/bookings", json=order).json["id"]

    return book


@pytest.fixture
def status(fan):
    """A function: the status of a booking."""
    return lambda booking: fan.request("GET", f"/api/bookings/{booking}").json["status"]


@pytest.mark.parametrize(
    "path", ["/api/bookings", "/api/holds/h", "/api/events/e/holds", "/api/events/e/seats"]
)
def test_a_wrong_method_is_answered_by_the_service(shared_encore, path):
    answer = shared_encore.request("PATCH", path)

    assert (answer.status, answer.headers["X-Served-By"]) == (405, "bookings-web")


def test_only_bookings_has_the_tables_that_are_written(encore, book):
    booking = book()

    assert encore.rows("bookings", f"select id from bookings where id = '{booking}'") != []
    assert encore.rows("monolith", f"select id from bookings where id = '{booking}'") == []
    assert encore.rows("monolith", "select is_open from epoch") == [(False,)]
    assert encore.rows("bookings", "select is_open from epoch") == [(True,)]


def test_seats_are_sold_while_the_catalog_and_accounts_are_away(encore, book, status, eventually):
    for name in ("web", "worker", "relay", "accounts-web"):
        encore.stop(name)

    booking = book()

    eventually(lambda: status(booking) == "confirmed", within=30)


@pytest.mark.parametrize("name", ["bookings-web", "bookings-relay", "bookings-worker"])
def test_a_kill_loses_no_acknowledged_booking(encore, book, status, eventually, name):
    bookings = [book() for _ in range(3)]

    encore.kill(name)
    encore.wait_ready()

    eventually(lambda: {status(each) for each in bookings} == {"confirmed"}, within=60)
    assert len(encore.charges()) == len(bookings)


def test_a_relay_that_was_stopped_publishes_in_order(encore, book, status, eventually):
    encore.kill("bookings-relay", signal.SIGSTOP)
    bookings = [book() for _ in range(3)]
    before = {status(each) for each in bookings}

    encore.kill("bookings-relay", signal.SIGCONT)

    eventually(lambda: {status(each) for each in bookings} == {"confirmed"}, within=60)
    assert before == {"pending"}
    types = {}
    for message in encore.events("bookings"):
        types.setdefault(message["key"], []).append(message["type"])
    expected = ["booking.requested", "booking.confirmed"]
    assert {booking: types[booking] for booking in bookings} == dict.fromkeys(bookings, expected)


def test_a_new_event_is_sold_at_once(encore, fan):
    organiser = encore.sign_in("organiser@encore.example")
    venue = organiser.request("GET", "/api/venues").json["items"][0]
    plan = {
        "title": "Late Show",
        "artist": "Night Ferry",
        "genre": "jazz",
        "venue_id": venue["id"],
        "starts_at": "2099-06-01T19:30:00Z",
        "prices": {venue["sections"][0]["name"]: 3000},
        "currency": "EUR",
    }

    event = organiser.request("POST", "/api/events", json=plan).json["id"]
    seats = fan.request("GET", f"/api/events/{event}/seats")

    assert seats.status == 200
    body = {"seats": [seats.json["items"][0]["id"]]}
    held = fan.request("POST", f"/api/events/{event}/holds", json=body)
    assert (held.status, held.json["total"]) == (201, 3000)
