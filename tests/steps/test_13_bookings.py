"""Step 13: move the core: flip who owns the writes."""

import pytest

HOLD = """
insert into holds (id, account_id, event_id, seats, total, currency, expires_at, used)
values ('of the old writer', 'a', 'e', array['s'], 4500, 'EUR', now(), false)"""


@pytest.fixture
def fan(encore):
    return encore.sign_in("fan@encore.example")


@pytest.fixture
def event(fan):
    """The id of an event that has seats left."""
    return fan.request("GET", "/api/events").json["items"][0]["id"]


def statuses(client, event):
    """{seat: free, held or sold}; empty if nobody answers."""
    answer = client.request("GET", f"/api/events/{event}/seats")
    items = answer.json["items"] if answer.status == 200 else []
    return {seat["id"]: seat["status"] for seat in items}


def buy(client, event, seat):
    """Hold a seat and book it: the booking."""
    held = client.request("POST", f"/api/events/{event}/holds", json={"seats": [seat]})
    assert held.status == 201
    order = {"hold_id": held.json["id"], "payment_method": "pm_card_visa"}
    booked = client.request("POST", "/api/bookings", json=order)
    assert booked.status == 201
    return booked.json


def is_(status, client, booking):
    return client.request("GET", f"/api/bookings/{booking['id']}").json["status"] == status


def test_seats_are_sold_while_the_monolith_is_stopped(encore, fan, event, eventually):
    encore.stop("web")

    free = [seat for seat, status in statuses(fan, event).items() if status == "free"]
    assert free != []
    booking = buy(fan, event, free[0])
    eventually(lambda: is_("confirmed", fan, booking))
    assert statuses(fan, event)[free[0]] == "sold"
    cancelled = fan.request("POST", f"/api/bookings/{booking['id']}/cancellation")
    assert cancelled.status == 202
    assert statuses(fan, event)[free[0]] == "free"


def test_the_catalog_counts_what_was_sold_without_it(encore, fan, event, eventually):
    def seats_left():
        return fan.request("GET", f"/api/events/{event}").json["seats_left"]

    before = seats_left()
    encore.stop("postgres")

    free = [seat for seat, status in statuses(fan, event).items() if status == "free"]
    assert free != []
    booking = buy(fan, event, free[0])
    eventually(lambda: is_("confirmed", fan, booking), within=30)
    encore.start("postgres")
    encore.wait_ready()
    eventually(lambda: seats_left() == before - 1, within=30)


def test_the_old_writer_is_fenced_off(encore):
    assert "written elsewhere" in refusal_of_the_old_tables(encore)


def refusal_of_the_old_tables(encore):
    """What the monolith's database says to its owner, who writes a hold; empty if it does so."""
    try:
        encore.rows("monolith", HOLD)
    except Exception as refusal:
        return str(refusal)
    return ""
