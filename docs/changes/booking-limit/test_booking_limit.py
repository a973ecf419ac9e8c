"""An account can have at most eight bookings of an event that are not declined or cancelled."""

import secrets
from functools import partial

MOST = 8
REFUSED = (409, "booking-limit")


def outcome(answer):
    """(status, problem type or None)"""
    return answer.status, answer.json.get("type")


def test_a_ninth_booking_of_an_event_is_refused(fan, stranger, event, make_event, buy, statuses):
    for seat in event.seats[: MOST - 1]:
        buy(fan, event, [seat])
    held, further = (fan.hold(event, [seat]).json for seat in event.seats[MOST - 1 : MOST + 1])
    key, other = secrets.token_hex(), make_event()
    first = fan.book(held["id"], key=key)

    assert outcome(fan.hold(event, event.seats[-1:])) == REFUSED
    assert outcome(fan.book(further["id"])) == REFUSED
    assert statuses(fan, event)[event.seats[-1]] == "free"
    assert statuses(fan, event)[event.seats[MOST]] == "held"
    assert fan.book(held["id"], key=key).json["id"] == first.json["id"]
    assert buy(fan, other, other.seats[:1])["status"] == "confirmed"
    assert buy(stranger, event, event.seats[-1:])["status"] == "confirmed"


def test_bookings_at_the_same_time_do_not_exceed_the_limit(fan, event, at_once, settled, ledger):
    holds = [fan.hold(event, [seat]).json["id"] for seat in event.seats[: MOST + 3]]

    answers = at_once([partial(fan.book, hold) for hold in holds])

    assert sorted(answer.status for answer in answers) == [201] * MOST + [409] * 3
    assert {outcome(answer) for answer in answers if answer.status == 409} == {REFUSED}
    for answer in answers:
        assert answer.status == 409 or settled(fan, answer.json)["status"] == "confirmed"
    assert sum(bool(ledger()[hold]) for hold in holds) == MOST


def test_declined_and_cancelled_bookings_do_not_count(fan, event, buy, settled):
    buy(fan, event, event.seats[:1], card="pm_card_visa_chargeDeclined")
    bookings = [buy(fan, event, [seat]) for seat in event.seats[:MOST]]
    refused = fan.hold(event, event.seats[-1:])

    fan.cancel(bookings[0])
    settled(fan, bookings[0])

    assert outcome(refused) == REFUSED
    assert buy(fan, event, event.seats[-1:])["status"] == "confirmed"
