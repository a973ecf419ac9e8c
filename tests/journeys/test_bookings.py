"""Booking held seats, reading bookings, cancelling them."""

import secrets
from datetime import datetime
from functools import partial

import pytest

FIELDS = {"id", "event_id", "seats", "total", "currency", "status", "created_at"}


def test_a_booking_is_confirmed_and_its_seats_are_sold(fan, event, settled, statuses, eventually):
    held = fan.hold(event, event.seats[:2]).json

    booked = fan.book(held["id"])

    assert booked.status == 201
    assert booked.json.keys() == FIELDS
    assert booked.json["status"] in ("pending", "confirmed")
    ended = settled(fan, booked.json)
    assert ended == {**booked.json, "status": "confirmed"}
    assert (ended["event_id"], ended["seats"], ended["total"], ended["currency"]) == (
        event.id,
        event.seats[:2],
        9000,
        "EUR",
    )
    assert datetime.fromisoformat(ended["created_at"]) and ended["created_at"].endswith("Z")
    assert [statuses(fan, event)[seat] for seat in event.seats[:3]] == ["sold", "sold", "free"]
    eventually(
        "seats_left",
        lambda: fan.get(f"/api/events/{event.id}").json["seats_left"] == len(event.seats) - 2,
    )


def test_a_confirmed_booking_is_followed_by_a_mail(sign_up, event, buy, mails, eventually):
    fan = sign_up("Mina")

    booking = buy(fan, event, event.seats[:2])

    (mail,) = eventually(
        "confirmation mail",
        lambda: [each for each in mails(fan.email) if booking["id"] in each["text"]],
    )
    assert event.word in mail["subject"]
    assert "Mina" in mail["text"]
    assert "90.00 EUR" in mail["text"]


def test_a_declined_card_frees_the_held_seats(sign_up, event, buy, statuses, mails, eventually):
    fan = sign_up("Dora")

    booking = buy(fan, event, event.seats[:1], card="pm_card_visa_chargeDeclined")

    assert booking["status"] == "declined"
    eventually("freed seats", lambda: statuses(fan, event)[event.seats[0]] == "free")
    assert fan.book(booking["hold_id"]).refusal == (409, "hold-used")
    again = buy(fan, event, event.seats[:1])
    eventually(
        "confirmation mail",
        lambda: [mail for mail in mails(fan.email) if again["id"] in mail["text"]],
    )
    assert not [mail for mail in mails(fan.email) if booking["id"] in mail["text"]]
    eventually(
        "seats_left",
        lambda: fan.get(f"/api/events/{event.id}").json["seats_left"] == len(event.seats) - 1,
    )


def test_a_card_unknown_to_the_provider_is_declined(fan, event, buy):
    assert buy(fan, event, event.seats[:1], card="pm_nobody_knows_this")["status"] == "declined"


def test_seats_with_price_zero_are_never_charged(fan, make_event, buy, ledger):
    event = make_event(price=0)

    booking = buy(fan, event, event.seats[:2])

    assert (booking["status"], booking["total"]) == ("confirmed", 0)
    assert ledger()[booking["hold_id"]] == []


@pytest.mark.parametrize(
    "card", ["", "card_visa", "pm_", "pm_with-dash", "pm_" + "a" * 251, 7, None, ["pm_card_visa"]]
)
def test_a_payment_method_must_have_the_right_form(fan, event, card):
    held = fan.hold(event, event.seats[:1]).json

    assert fan.book(held["id"], card).wrong == {"payment_method"}
    assert fan.delete(f"/api/holds/{held['id']}").status == 204


def test_all_wrong_booking_fields_are_named_at_once(fan):
    wrong = {"hold_id": 7, "payment_method": "card", "extra": 1}

    assert fan.post("/api/bookings", wrong, headers={"Idempotency-Key": "with blank"}).wrong == {
        *wrong,
        "Idempotency-Key",
    }
    assert fan.post("/api/bookings", {}).wrong == {"hold_id", "payment_method"}


def test_a_repeat_returns_the_booking_with_current_status(fan, event, settled, ledger):
    held, key = fan.hold(event, event.seats[:1]).json, secrets.token_hex()
    first = fan.book(held["id"], key=key)
    settled(fan, first.json)

    again = fan.book(held["id"], key=key)
    assert (again.status, again.json) == (201, {**first.json, "status": "confirmed"})
    fan.cancel(first.json)
    settled(fan, first.json)
    assert fan.book(held["id"], key=key).json["status"] == "cancelled"
    assert [kind for kind, *_ in ledger()[held["id"]]].count("charge") == 1


def test_the_same_key_with_another_body_is_refused(fan, event, settled):
    holds, key = (
        [fan.hold(event, [seat]).json["id"] for seat in event.seats[:2]],
        secrets.token_hex(),
    )
    settled(fan, fan.book(holds[0], key=key).json)

    assert fan.book(holds[1], key=key).refusal == (422, "idempotency-key-reused")
    assert fan.book(holds[0], card="pm_card_mastercard", key=key).refusal == (
        422,
        "idempotency-key-reused",
    )
    assert fan.delete(f"/api/holds/{holds[1]}").status == 204


def test_two_accounts_may_use_the_same_key(fan, stranger, event, buy):
    key = secrets.token_hex()

    bookings = [
        buy(client, event, [seat], key=key)
        for client, seat in ((fan, event.seats[0]), (stranger, event.seats[1]))
    ]

    assert bookings[0]["id"] != bookings[1]["id"]


def test_an_idempotency_key_has_1_to_255_ascii_characters(fan, event, buy):
    for seat, key in zip(event.seats, ("!", "~" * 240 + secrets.token_hex(7)), strict=False):
        assert (
            buy(fan, event, [seat], key=secrets.token_hex(3) + key if key == "!" else key)["status"]
            == "confirmed"
        )
    held = fan.hold(event, event.seats[2:3]).json
    for key in ("a b", "x" * 256, "t\tab", "\u00e9"):
        assert fan.book(held["id"], key=key).wrong == {"Idempotency-Key"}, key


def test_bookings_are_listed_newest_first(sign_up, event, buy):
    fan = sign_up()
    bookings = [buy(fan, event, [seat]) for seat in event.seats[:5]]

    listed = fan.items("/api/bookings", limit=2)

    assert [each["id"] for each in listed] == [each["id"] for each in bookings[::-1]]
    assert [len(page) for page in fan.pages("/api/bookings", limit=2)] == [2, 2, 1]
    assert all(fan.get(f"/api/bookings/{each['id']}").json == each for each in listed)
    assert all(each.keys() == FIELDS for each in listed)


def test_pages_of_bookings_stay_consistent_during_inserts(sign_up, event, buy):
    fan = sign_up()
    bookings = [buy(fan, event, [seat])["id"] for seat in event.seats[:3]]
    first = fan.get("/api/bookings?limit=2").json

    buy(fan, event, event.seats[3:4])

    second = fan.get(f"/api/bookings?limit=2&after={first['next']}").json
    assert [each["id"] for each in first["items"] + second["items"]] == bookings[::-1]
    assert second["next"] is None


def test_a_wrong_page_of_bookings_is_refused(fan):
    assert fan.get("/api/bookings?limit=0&after=nonsense").wrong == {"limit", "after"}
    assert fan.get("/api/bookings?limit=101").wrong == {"limit"}


def test_nobody_can_see_or_cancel_anothers_booking(fan, stranger, visitor, event, buy):
    booking = buy(fan, event, event.seats[:1])

    assert stranger.get(f"/api/bookings/{booking['id']}").refusal == (404, "not-found")
    assert stranger.cancel(booking).refusal == (404, "not-found")
    assert booking["id"] not in {each["id"] for each in stranger.items("/api/bookings")}
    assert stranger.get(f"/api/payments?booking_id={booking['id']}").json["items"] == []
    for answer in (
        visitor.get(f"/api/bookings/{booking['id']}"),
        visitor.cancel(booking),
        visitor.get("/api/bookings"),
    ):
        assert answer.refusal == (401, "not-signed-in")
    assert fan.get(f"/api/bookings/{booking['id']}").json["status"] == "confirmed"


def test_another_customer_can_buy_seats_of_cancelled_bookings(
    fan, stranger, event, buy, settled, statuses, eventually
):
    booking = buy(fan, event, event.seats[:2])

    cancelled = fan.cancel(booking)

    assert (cancelled.status, cancelled.json["status"]) in {
        (200, "cancelled"),
        (202, "cancelling"),
        (202, "cancelled"),
    }
    assert settled(fan, booking)["status"] == "cancelled"
    eventually(
        "freed seats", lambda: {statuses(fan, event)[seat] for seat in event.seats[:2]} == {"free"}
    )
    eventually(
        "seats_left",
        lambda: fan.get(f"/api/events/{event.id}").json["seats_left"] == len(event.seats),
    )
    assert buy(stranger, event, event.seats[:2])["status"] == "confirmed"


def test_only_a_confirmed_booking_can_be_cancelled(fan, event, buy, settled):
    booking = buy(fan, event, event.seats[:1])
    fan.cancel(booking)
    settled(fan, booking)
    declined = buy(fan, event, event.seats[1:2], card="pm_card_visa_chargeDeclined")

    for each in (booking, declined):
        assert fan.cancel(each).refusal == (409, "not-confirmed")


def test_a_cancellation_accepts_an_empty_body_only(fan, event, buy):
    bookings = [buy(fan, event, [seat]) for seat in event.seats[:2]]

    assert fan.post(f"/api/bookings/{bookings[0]['id']}/cancellation", {}).status in (200, 202)
    assert fan.post(f"/api/bookings/{bookings[1]['id']}/cancellation", {"why": "rain"}).wrong == {
        "why"
    }


def test_an_unknown_booking_is_not_found(fan):
    for request in (
        partial(fan.get, "/api/bookings/unknown"),
        partial(fan.cancel, {"id": "unknown"}),
    ):
        assert request().refusal == (404, "not-found")
