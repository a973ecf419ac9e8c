"""Many clients at the same time, each in its own thread, against one process."""

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from random import Random

import pytest


@pytest.fixture
def buyers(sign_up):
    return [sign_up(f"buyer{number}") for number in range(6)]


def at_once(calls):
    """Make all calls at the same time and return their answers."""
    with ThreadPoolExecutor(len(calls)) as threads:
        return [each.result(timeout=60) for each in [threads.submit(call) for call in calls]]


def hold(client, event, seats):
    return client.post(f"/api/events/{event.id}/holds", json={"seats": seats})


def book(client, hold_id, key=None):
    headers = {"Idempotency-Key": key} if key else {}
    return client.post(
        "/api/bookings",
        json={"hold_id": hold_id, "payment_method": "pm_card_visa"},
        headers=headers,
    )


def twin(app, client):
    """Another client with the same cookie."""
    other = app.test_client()
    other.set_cookie("encore_session", client.get_cookie("encore_session").value)
    return other


def test_only_one_of_sixty_holds_the_same_seats(app, buyers, event):
    clients = [twin(app, buyers[number % len(buyers)]) for number in range(60)]

    answers = at_once([partial(hold, client, event, event.seats[:3]) for client in clients])

    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 59


def test_overlapping_holds_end_and_share_no_seat(app, buyers, event):
    random = Random(1)
    wishes = []
    for number in range(24):
        seats = random.sample(event.seats, 4)
        wishes.append((twin(app, buyers[number % 6]), seats if number % 2 else seats[::-1]))

    answers = at_once([partial(hold, client, event, seats) for client, seats in wishes])

    held = [
        seat for answer in answers if answer.status_code == 201 for seat in answer.json["seats"]
    ]
    assert {answer.status_code for answer in answers} <= {201, 409}
    assert len(held) == len(set(held)) >= 4


def test_buyers_at_the_same_time_never_share_seats(app, buyers, event, catch_up):
    random = Random(2)

    def shop(client, wishes):
        booked = []
        for seats in wishes:
            held = hold(client, event, seats)
            if held.status_code == 201:
                booked.append(book(client, held.json["id"]).json)
        return booked

    shoppers = [
        (twin(app, client), [random.sample(event.seats, 2) for _ in range(8)]) for client in buyers
    ]
    bookings = [
        each
        for booked in at_once([partial(shop, *shopper) for shopper in shoppers])
        for each in booked
    ]

    catch_up()
    sold = [seat for booking in bookings for seat in booking["seats"]]
    ended = [each for buyer in buyers for each in buyer.get("/api/bookings").json["items"]]
    assert {booking["status"] for booking in ended} == {"confirmed"}
    assert len(ended) == len(bookings)
    assert len(sold) == len(set(sold))
    plan = app.test_client().get(f"/api/events/{event.id}/seats").json["items"]
    assert {seat["id"] for seat in plan if seat["status"] == "sold"} == set(sold)


def test_booking_one_hold_many_times_books_once(app, fan, event, published):
    held = hold(fan, event, event.seats[:1]).json

    answers = at_once([partial(book, twin(app, fan), held["id"]) for _ in range(8)])

    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 7
    assert {answer.json["type"] for answer in answers if answer.status_code == 409} == {"hold-used"}
    assert [type for type, _ in published("bookings")] == ["booking.requested", "booking.confirmed"]


def test_repeats_at_the_same_time_get_one_booking(app, fan, event, published):
    held = hold(fan, event, event.seats[:1]).json

    answers = at_once([partial(book, twin(app, fan), held["id"], key="abc") for _ in range(8)])

    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json["id"] for answer in answers}) == 1
    assert [type for type, _ in published("bookings")] == ["booking.requested", "booking.confirmed"]


def test_one_key_for_several_holds_books_one(app, fan, event):
    holds = [hold(fan, event, [seat]).json["id"] for seat in event.seats[:6]]

    answers = at_once([partial(book, twin(app, fan), hold_id, key="abc") for hold_id in holds])

    assert sorted(answer.status_code for answer in answers) == [201] + [422] * 5


def test_many_cancellations_at_once_make_one_refund(app, fan, event, buy, published):
    booking = buy(fan, event, event.seats[:1])

    answers = at_once(
        [
            partial(twin(app, fan).post, f"/api/bookings/{booking['id']}/cancellation")
            for _ in range(8)
        ]
    )

    assert sorted(answer.status_code for answer in answers) == [202] + [409] * 7
    assert [type for type, _ in published("bookings")][2:] == ["booking.cancelled"]
    assert [type for type, _ in published("payments")][1:] == ["payment.refunded"]


def test_releasing_and_booking_a_hold_exclude_each_other(app, fan, event):
    for seat in event.seats:
        held = hold(fan, event, [seat]).json

        given_back, booked = at_once(
            [
                partial(twin(app, fan).delete, f"/api/holds/{held['id']}"),
                partial(book, twin(app, fan), held["id"]),
            ]
        )

        assert (given_back.status_code, booked.status_code) in {(204, 404), (409, 201)}
