from datetime import timedelta

import pytest
from sqlalchemy.event import listen
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from extracted.bookings import deadline, service
from kit.failures import NotYet


def hold(client, event, seats):
    return client.post(f"/api/events/{event.id}/holds", json={"seats": seats})


def book(client, hold_id, card="pm_card_visa", key=None):
    return client.post(
        "/api/bookings",
        json={"hold_id": hold_id, "payment_method": card},
        headers={"Idempotency-Key": key} if key else {},
    )


def statuses(client, event):
    return [seat["status"] for seat in client.get(f"/api/events/{event.id}/seats").json["items"]]


def test_a_hold_keeps_seats_for_ten_minutes(fan, event, process):
    now = process.clock()
    process.clock = lambda: now

    held = hold(fan, event, event.seats[:2])

    assert held.status_code == 201
    assert (held.json["seats"], held.json["total"], held.json["currency"]) == (
        event.seats[:2],
        9000,
        "EUR",
    )
    assert held.json["expires_at"] == (now + timedelta(minutes=10)).isoformat().replace(
        "+00:00", "Z"
    )
    assert statuses(fan, event)[:3] == ["held", "held", "free"]


def test_taken_seats_are_named_and_nothing_is_held(fan, event, sign_up, buy):
    other = sign_up("other")
    buy(other, event, event.seats[:1])
    hold(other, event, event.seats[1:2])

    refused = hold(fan, event, event.seats[:3])

    assert (refused.status_code, refused.json["type"]) == (409, "seat-taken")
    assert set(refused.json["seats"]) <= set(event.seats[:2])
    assert statuses(fan, event)[:3] == ["sold", "held", "free"]


def test_the_same_customer_cannot_hold_a_seat_twice(fan, event):
    hold(fan, event, event.seats[:1])

    assert hold(fan, event, event.seats[:1]).json["seats"] == event.seats[:1]


@pytest.mark.parametrize("wrong", [[], ["unknown"], "seat", None, [7], ["a"] * 9])
def test_only_one_to_eight_seats_are_accepted(fan, event, wrong):
    refused = hold(fan, event, wrong)

    assert refused.status_code == 422
    assert [error["field"] for error in refused.json["errors"]] == ["seats"]


def test_foreign_seats_and_repeated_seats_are_refused(fan, event, make_event):
    assert hold(fan, event, [event.seats[0], make_event().seats[0]]).status_code == 422
    assert hold(fan, event, [event.seats[0]] * 2).status_code == 422


def test_seats_cannot_be_held_after_the_start(fan, make_event, process):
    event = make_event(starts_at=process.clock() - timedelta(minutes=1))

    assert hold(fan, event, event.seats[:1]).json["type"] == "event-started"


def test_a_hold_can_be_released_only_once(fan, event):
    held = hold(fan, event, event.seats[:1]).json

    assert fan.delete(f"/api/holds/{held['id']}").status_code == 204
    assert fan.delete(f"/api/holds/{held['id']}").status_code == 404
    assert book(fan, held["id"]).status_code == 404
    assert hold(fan, event, event.seats[:1]).status_code == 201


def test_an_expired_hold_is_remembered_for_an_hour(command, fan, event, process):
    held, now = hold(fan, event, event.seats[:1]).json, process.clock()

    process.clock = lambda: now + timedelta(minutes=11)
    assert statuses(fan, event)[0] == "free"
    assert hold(fan, event, event.seats[1:2]).status_code == 201
    command("forget")
    assert book(fan, held["id"]).json["type"] == "hold-expired"
    assert fan.delete(f"/api/holds/{held['id']}").status_code == 404

    process.clock = lambda: now + timedelta(minutes=75)
    command("forget")
    assert book(fan, held["id"]).status_code == 404


def test_an_expired_hold_needs_no_cleanup_to_end(fan, event, process, sign_up):
    hold(fan, event, event.seats[:1])
    now = process.clock()

    process.clock = lambda: now + timedelta(minutes=11)

    assert hold(sign_up("other"), event, event.seats[:1]).status_code == 201


def test_a_booking_is_confirmed_and_its_seats_are_sold(fan, event, buy):
    booking = buy(fan, event, event.seats[:2])

    assert (booking["status"], booking["total"], booking["seats"]) == (
        "confirmed",
        9000,
        event.seats[:2],
    )
    assert statuses(fan, event)[:3] == ["sold", "sold", "free"]
    assert fan.get(f"/api/bookings/{booking['id']}").json == booking


@pytest.mark.parametrize("card", ["pm_card_visa_chargeDeclined", "pm_no_such_card"])
def test_a_declined_card_frees_the_held_seats(fan, event, buy, card):
    booking = buy(fan, event, event.seats[:1], card=card)

    assert booking["status"] == "declined"
    assert statuses(fan, event)[0] == "free"
    assert hold(fan, event, event.seats[:1]).status_code == 201


def test_a_hold_with_declined_card_cannot_be_rebooked(fan, event):
    held = hold(fan, event, event.seats[:1]).json
    book(fan, held["id"], "pm_card_visa_chargeDeclined")

    assert book(fan, held["id"]).json["type"] == "hold-used"
    assert fan.delete(f"/api/holds/{held['id']}").json["type"] == "hold-used"


def test_a_repeated_request_makes_one_booking(fan, event):
    held = hold(fan, event, event.seats[:1]).json

    first = book(fan, held["id"], key="abc")
    again = book(fan, held["id"], key="abc")

    assert (first.status_code, again.status_code) == (201, 201)
    assert again.json == first.json
    assert len(fan.get("/api/bookings").json["items"]) == 1


def test_a_repeated_request_returns_the_current_booking(fan, event, catch_up):
    held = hold(fan, event, event.seats[:1]).json
    booking = book(fan, held["id"], key="abc").json
    catch_up()
    paid = book(fan, held["id"], key="abc").json
    fan.post(f"/api/bookings/{booking['id']}/cancellation")
    catch_up()

    assert (booking["status"], paid["status"]) == ("pending", "confirmed")
    assert book(fan, held["id"], key="abc").json["status"] == "cancelled"


def test_a_key_belongs_to_one_account_and_request(fan, event, sign_up):
    other = sign_up("other")
    first, second = hold(fan, event, event.seats[:1]).json, hold(fan, event, event.seats[1:2]).json
    others = hold(other, event, event.seats[2:3]).json
    book(fan, first["id"], key="abc")

    refused = book(fan, second["id"], key="abc")

    assert (refused.status_code, refused.json["type"]) == (422, "idempotency-key-reused")
    assert book(other, others["id"], key="abc").status_code == 201


def test_an_idempotency_key_expires_after_a_day(event, process, sign_up):
    fan = sign_up("patient", exp=process.clock() + timedelta(days=2))
    held = hold(fan, event, event.seats[:1]).json
    book(fan, held["id"], key="abc")
    now = process.clock()

    process.clock = lambda: now + timedelta(hours=25)

    assert book(fan, held["id"], key="abc").json["type"] == "hold-used"


@pytest.mark.parametrize("key", ["a b", "x" * 256, "é"])
def test_a_malformed_key_is_named_with_other_fields(fan, event, key):
    held = hold(fan, event, event.seats[:1]).json

    refused = book(fan, held["id"], card="visa", key=key)

    assert {error["field"] for error in refused.json["errors"]} == {
        "Idempotency-Key",
        "payment_method",
    }


def test_a_booking_is_cancelled_once_and_frees_seats(fan, event, buy, catch_up):
    booking = buy(fan, event, event.seats[:2])

    cancelled = fan.post(f"/api/bookings/{booking['id']}/cancellation")

    assert (cancelled.status_code, cancelled.json["status"]) == (202, "cancelling")
    assert statuses(fan, event)[:2] == ["free", "free"]
    assert fan.post(f"/api/bookings/{booking['id']}/cancellation").json["type"] == "not-confirmed"
    catch_up()
    assert fan.get(f"/api/bookings/{booking['id']}").json["status"] == "cancelled"


def test_a_pending_booking_keeps_its_seats(fan, event, process, sign_up):
    held = hold(fan, event, event.seats[:1]).json
    now = process.clock()

    booking = book(fan, held["id"]).json
    process.clock = lambda: now + timedelta(minutes=14)

    assert booking["status"] == "pending"
    assert statuses(fan, event)[0] == "sold"
    assert hold(sign_up("other"), event, event.seats[:1]).json["type"] == "seat-taken"
    assert fan.post(f"/api/bookings/{booking['id']}/cancellation").json["type"] == "not-confirmed"


def test_a_booking_that_is_not_paid_in_time_is_declined(fan, event, process, published):
    now = process.clock()
    early = book(fan, hold(fan, event, event.seats[:1]).json["id"]).json
    process.clock = lambda: now + timedelta(minutes=8)
    late = book(fan, hold(fan, event, event.seats[1:2]).json["id"]).json

    process.clock = lambda: now + timedelta(minutes=16)
    deadline.decline_overdue(process)

    assert fan.get(f"/api/bookings/{early['id']}").json["status"] == "declined"
    assert fan.get(f"/api/bookings/{late['id']}").json["status"] == "pending"
    assert statuses(fan, event)[:2] == ["free", "sold"]
    assert [type for type, data in published("bookings") if data["id"] == early["id"]] == [
        "booking.requested",
        "booking.declined",
    ]


def test_one_overdue_booking_that_fails_does_not_stop_others(fan, event, process, monkeypatch):
    now = process.clock()
    made = [book(fan, hold(fan, event, [seat]).json["id"]).json["id"] for seat in event.seats[:2]]
    process.clock = lambda: now + timedelta(minutes=16)
    settle = deadline.service.settle

    def fail_once(session, booking_id, *arguments, **more):
        if booking_id == made[0]:
            raise RuntimeError
        settle(session, booking_id, *arguments, **more)

    monkeypatch.setattr(deadline.service, "settle", fail_once)
    deadline.decline_overdue(process)

    assert [fan.get(f"/api/bookings/{id}").json["status"] for id in made] == ["pending", "declined"]


def test_an_answer_that_comes_twice_frees_no_seat_twice(fan, event, buy, process, sign_up):
    declined = buy(fan, event, event.seats[:1], card="pm_card_visa_chargeDeclined")
    buy(sign_up("other"), event, event.seats[:1])

    for happened in ("refused", "overdue", "refunded", "paid"):
        with process.database.transaction() as session:
            service.settle(session, declined["id"], happened, places_of=None)

    assert statuses(fan, event)[0] == "sold"
    assert fan.get(f"/api/bookings/{declined['id']}").json["status"] == "declined"


def test_a_refund_frees_no_seat_that_was_sold_again(fan, event, buy, sign_up, catch_up):
    booking = buy(fan, event, event.seats[:1])
    fan.post(f"/api/bookings/{booking['id']}/cancellation")
    other = sign_up("other")
    book(other, hold(other, event, event.seats[:1]).json["id"])

    catch_up()

    assert fan.get(f"/api/bookings/{booking['id']}").json["status"] == "cancelled"
    assert statuses(fan, event)[0] == "sold"


def test_a_commit_that_only_seemed_to_fail_is_booked_once(fan, event, published):
    held = hold(fan, event, event.seats[:1]).json["id"]

    def cut_off(session):
        lost = Exception("the connection was lost")
        raise OperationalError("commit", {}, lost, connection_invalidated=True)

    listen(Session, "after_commit", cut_off, once=True)
    lost = book(fan, held)

    assert (lost.status_code, lost.json["type"]) == (502, "outcome-unknown")
    again = book(fan, held)
    assert (again.status_code, again.json["type"]) == (409, "hold-used")
    types = [type for type, data in published("bookings") if data["hold_id"] == held]
    assert types == ["booking.requested", "booking.confirmed"]


def test_money_of_an_unknown_booking_waits(process):
    with pytest.raises(NotYet), process.database.transaction() as session:
        service.settle(session, "unknown", "paid", places_of=None)


def test_bookings_are_listed_newest_first_in_pages(fan, event, buy):
    made = [buy(fan, event, [seat])["id"] for seat in event.seats[:3]]

    first = fan.get("/api/bookings?limit=2").json
    second = fan.get(f"/api/bookings?limit=2&after={first['next']}").json

    assert [booking["id"] for booking in first["items"] + second["items"]] == made[::-1]
    assert second["next"] is None


def test_customers_cannot_see_or_change_others_bookings(fan, event, sign_up, buy):
    stranger = sign_up("stranger")
    held = hold(fan, event, event.seats[:1]).json
    booking = buy(fan, event, event.seats[1:2])

    assert stranger.delete(f"/api/holds/{held['id']}").status_code == 404
    assert book(stranger, held["id"]).status_code == 404
    assert stranger.get(f"/api/bookings/{booking['id']}").status_code == 404
    assert stranger.post(f"/api/bookings/{booking['id']}/cancellation").status_code == 404
    assert stranger.get("/api/bookings").json["items"] == []


def test_a_seat_with_price_zero_needs_no_answer_of_payments(fan, make_event, buy, published):
    event = make_event(sections=(("Floor", 1, 2, 0),))

    booking = buy(fan, event, event.seats[:1])

    assert booking["status"] == "confirmed"
    assert published("payments") == []
    assert fan.post(f"/api/bookings/{booking['id']}/cancellation").json["status"] == "cancelled"
