"""Holding seats and releasing them."""

from datetime import datetime

import pytest


def test_nobody_else_can_hold_seats_being_held(fan, visitor, stranger, event, statuses):
    held = fan.hold(event, event.seats[:2])

    assert held.status == 201
    assert held.json.keys() == {"id", "event_id", "seats", "total", "currency", "expires_at"}
    assert (
        held.json["event_id"],
        held.json["seats"],
        held.json["total"],
        held.json["currency"],
    ) == (event.id, event.seats[:2], 9000, "EUR")
    assert held.json["expires_at"].endswith("Z")
    assert datetime.fromisoformat(held.json["expires_at"])
    assert [statuses(visitor, event)[seat] for seat in event.seats[:3]] == ["held", "held", "free"]
    assert stranger.hold(event, event.seats[1:3]).refusal == (409, "seat-taken")


def test_held_seats_keep_the_order_of_the_request(fan, event):
    assert fan.hold(event, event.seats[2::-1]).json["seats"] == event.seats[2::-1]


def test_taken_seats_are_named_and_nothing_is_held(fan, stranger, event, buy, statuses):
    buy(stranger, event, event.seats[:1])

    refused = fan.hold(event, event.seats[:3])

    assert refused.refusal == (409, "seat-taken")
    assert refused.json["seats"] == event.seats[:1]
    assert [statuses(fan, event)[seat] for seat in event.seats[:3]] == ["sold", "free", "free"]


def test_the_same_customer_cannot_hold_a_seat_twice(fan, event):
    fan.hold(event, event.seats[:1])

    assert fan.hold(event, event.seats[:1]).refusal == (409, "seat-taken")


@pytest.mark.parametrize(
    "seats", [[], ["unknown"], "seat", None, [7], [None], {}, ["a" * 200], ["\ud800"], ["nul\0"]]
)
def test_only_a_list_of_this_events_seats_is_accepted(fan, event, seats):
    assert fan.hold(event, seats).wrong == {"seats"}


def test_a_hold_has_one_to_eight_different_seats(fan, event, make_event, statuses):
    assert fan.hold(event, event.seats[:9]).wrong == {"seats"}
    assert fan.hold(event, event.seats[:1] * 2).wrong == {"seats"}
    assert fan.hold(event, [event.seats[0], make_event().seats[0]]).wrong == {"seats"}
    assert set(statuses(fan, event).values()) == {"free"}
    assert fan.hold(event, event.seats[:8]).status == 201


def test_a_released_hold_frees_its_seats_once(fan, stranger, event, statuses):
    held = fan.hold(event, event.seats[:1]).json

    assert fan.delete(f"/api/holds/{held['id']}").status == 204
    assert fan.delete(f"/api/holds/{held['id']}").refusal == (404, "not-found")
    assert fan.book(held["id"]).refusal == (404, "not-found")
    assert statuses(fan, event)[event.seats[0]] == "free"
    assert stranger.hold(event, event.seats[:1]).status == 201


def test_nobody_can_release_or_book_anothers_hold(fan, stranger, visitor, event, statuses):
    held = fan.hold(event, event.seats[:1]).json

    assert stranger.delete(f"/api/holds/{held['id']}").refusal == (404, "not-found")
    assert stranger.book(held["id"]).refusal == (404, "not-found")
    assert visitor.delete(f"/api/holds/{held['id']}").refusal == (401, "not-signed-in")
    assert statuses(fan, event)[event.seats[0]] == "held"
    assert fan.delete(f"/api/holds/{held['id']}").status == 204


def test_an_unknown_hold_is_not_found(fan):
    assert fan.delete("/api/holds/unknown").refusal == (404, "not-found")
    assert fan.book("unknown").refusal == (404, "not-found")


def test_a_hold_can_be_booked_only_once(fan, event, buy):
    booking = buy(fan, event, event.seats[:1])

    assert fan.delete(f"/api/holds/{booking['hold_id']}").refusal == (409, "hold-used")
    assert fan.book(booking["hold_id"]).refusal == (409, "hold-used")


def test_an_organiser_can_hold_seats_too(organiser, event):
    held = organiser.hold(event, event.seats[:1])

    assert held.status == 201
    assert organiser.delete(f"/api/holds/{held.json['id']}").status == 204
