"""Many customers act at the same time; every guarantee holds."""

from functools import partial
from random import Random

import pytest


@pytest.fixture(scope="module")
def buyers(sign_up):
    return [sign_up(f"Buyer {number}") for number in range(6)]


def test_only_one_of_sixty_holds_the_same_seats(buyers, event, at_once, statuses):
    answers = at_once(
        [partial(buyers[number % len(buyers)].hold, event, event.seats[:3]) for number in range(60)]
    )

    assert sorted(answer.status for answer in answers) == [201] + [409] * 59
    assert {answer.json["type"] for answer in answers if answer.status == 409} == {"seat-taken"}
    assert sum(status == "held" for status in statuses(buyers[0], event).values()) == 3


def test_overlapping_holds_end_and_share_no_seat(buyers, event, at_once):
    random = Random(1)
    wishes = [random.sample(event.seats[:10], 4) for _ in range(24)]

    answers = at_once(
        [
            partial(buyers[number % 6].hold, event, seats if number % 2 else seats[::-1])
            for number, seats in enumerate(wishes)
        ]
    )

    held = [seat for answer in answers if answer.status == 201 for seat in answer.json["seats"]]
    assert {answer.status for answer in answers} <= {201, 409}
    assert len(held) == len(set(held)) >= 4


def test_buyers_at_the_same_time_never_share_seats(
    buyers, event, at_once, settled, statuses, ledger, eventually
):
    few = event.seats[:8]

    def shop(client, random):
        mine = []
        for _ in range(6):
            held = client.hold(event, random.sample(few, 2))
            if held.status == 201:
                booked = client.book(
                    held.json["id"], random.choice(["pm_card_visa", "pm_card_visa_chargeDeclined"])
                )
                assert booked.status == 201, booked
                mine.append((client, {**booked.json, "hold_id": held.json["id"]}))
                if settled(client, booked.json)["status"] == "confirmed" and random.random() < 0.6:
                    assert client.cancel(booked.json).status in (200, 202)
        return mine

    made = [
        each
        for mine in at_once(
            [partial(shop, client, Random(number)) for number, client in enumerate(buyers)]
        )
        for each in mine
    ]
    ended = [(settled(client, booking), booking["hold_id"]) for client, booking in made]

    live = [
        seat
        for booking, _ in ended
        if booking["status"] == "confirmed"
        for seat in booking["seats"]
    ]
    assert len(live) == len(set(live))
    assert {booking["status"] for booking, _ in ended} <= {"confirmed", "declined", "cancelled"}
    eventually(
        "freed seats",
        lambda: (
            {seat for seat, status in statuses(buyers[0], event).items() if status != "free"}
            == set(live)
        ),
    )
    eventually(
        "seats_left",
        lambda: (
            buyers[0].get(f"/api/events/{event.id}").json["seats_left"]
            == len(event.seats) - len(live)
        ),
    )
    kinds = {"confirmed": ["charge"], "cancelled": ["charge", "refund"], "declined": []}
    eventually(
        "refunds",
        lambda: all(
            [kind for kind, *_ in ledger()[hold]] == kinds[booking["status"]]
            for booking, hold in ended
        ),
    )


def test_booking_one_hold_many_times_books_once(fan, event, at_once, ledger, settled):
    held = fan.hold(event, event.seats[:1]).json

    answers = at_once([partial(fan.book, held["id"]) for _ in range(8)])

    assert sorted(answer.status for answer in answers) == [201] + [409] * 7
    assert {answer.json["type"] for answer in answers if answer.status == 409} == {"hold-used"}
    settled(fan, next(answer.json for answer in answers if answer.status == 201))
    assert ledger()[held["id"]] == [("charge", 4500, "EUR")]


def test_repeats_at_the_same_time_get_one_booking(fan, event, at_once, ledger, settled):
    held = fan.hold(event, event.seats[:1]).json

    answers = at_once(
        [
            partial(fan.book, held["id"], key=f"key of {held['id']}".replace(" ", "-"))
            for _ in range(8)
        ]
    )

    assert {answer.status for answer in answers} == {201}
    assert len({answer.json["id"] for answer in answers}) == 1
    settled(fan, answers[0].json)
    assert ledger()[held["id"]] == [("charge", 4500, "EUR")]


def test_one_key_for_several_holds_books_one(fan, event, at_once):
    holds = [fan.hold(event, [seat]).json["id"] for seat in event.seats[:6]]

    answers = at_once([partial(fan.book, hold, key=f"one-key-{event.id}") for hold in holds])

    assert sorted(answer.status for answer in answers) == [201] + [422] * 5


def test_many_cancellations_at_once_make_one_refund(
    fan, event, buy, at_once, settled, ledger, eventually
):
    booking = buy(fan, event, event.seats[:1])

    answers = at_once([partial(fan.cancel, booking) for _ in range(8)])

    assert {answer.status for answer in answers} <= {200, 202, 409}
    assert sum(answer.status != 409 for answer in answers) == 1
    assert settled(fan, booking)["status"] == "cancelled"
    eventually(
        "refunds",
        lambda: ledger()[booking["hold_id"]] == [("charge", 4500, "EUR"), ("refund", 4500, "EUR")],
    )


def test_releasing_and_booking_a_hold_exclude_each_other(fan, event, at_once):
    for seat in event.seats[:8]:
        held = fan.hold(event, [seat]).json

        given_back, booked = at_once(
            [partial(fan.delete, f"/api/holds/{held['id']}"), partial(fan.book, held["id"])]
        )

        assert (given_back.status, booked.status) in {(204, 404), (409, 201)}
