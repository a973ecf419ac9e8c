from random import Random

import pytest
from sqlalchemy import delete

from monolith.recommendations import service
from monolith.recommendations.model import Taste
from monolith.recommendations.similarity import suggest


@pytest.fixture
def after_bookings(process):
    """A function: record bookings (account, event) and return a function that suggests events."""

    def after_bookings(*bookings, cancelled=()):
        with process.db.monolith.transaction() as session:
            session.execute(delete(Taste))
            for account_id, event_id in bookings:
                service.booked(session, account_id=account_id, event_id=event_id)
            for account_id, event_id in cancelled:
                service.cancelled(session, account_id=account_id, event_id=event_id)
        return suggestions

    def suggestions(account_id):
        with process.db.monolith.reading() as session:
            return suggest(session, account_id)

    return after_bookings


def test_events_booked_together_are_suggested_with_their_reason(after_bookings):
    suggestions = after_bookings(
        ("ada", "jazz"),
        ("ada", "blues"),
        ("bob", "jazz"),
        ("bob", "blues"),
        ("cem", "jazz"),
        ("cem", "metal"),
        ("me", "jazz"),
    )

    assert suggestions("me") == [("blues", 0.707107, ["jazz"]), ("metal", 0.5, ["jazz"])]


def test_cancelling_an_unknown_booking_changes_no_suggestion(after_bookings):
    suggestions = after_bookings(("ada", "jazz"), cancelled=[("ada", "blues")])

    assert suggestions("new") == [("jazz", 1.0, [])]


def test_newcomers_get_best_sellers_as_suggestions(after_bookings):
    suggestions = after_bookings(("ada", "jazz"), ("bob", "jazz"), ("bob", "metal"))

    assert suggestions("new") == [("jazz", 1.0, []), ("metal", 0.5, [])]


def test_booked_events_count_once_and_are_not_suggested(after_bookings):
    suggestions = after_bookings(("me", "jazz"), ("me", "jazz"), ("ada", "jazz"), ("ada", "folk"))

    assert suggestions("me") == [("folk", 0.707107, ["jazz"])]


def test_a_cancellation_removes_all_effects_of_its_booking(after_bookings):
    random = Random(1)
    kept = [
        (f"account {random.randrange(20)}", f"event {random.randrange(15)}") for _ in range(200)
    ]
    passing = [
        (f"account {random.randrange(20)}", f"event {random.randrange(15)}") for _ in range(200)
    ]

    def all_suggestions(*bookings, cancelled=()):
        suggestions = after_bookings(*bookings, cancelled=cancelled)
        return [suggestions(f"account {number}") for number in range(20)]

    assert all_suggestions(*kept, *passing, cancelled=passing) == all_suggestions(*kept)


def test_recommendations_are_upcoming_events_in_pages_by_score(
    fan, sign_up, make_event, buy, catch_up
):
    events = [make_event(title=f"Event {number}") for number in range(4)]
    for friend, booked in {
        "ada": events[:3],
        "bob": events[:2],
        "cem": [events[0], events[3]],
    }.items():
        client = sign_up(friend)
        for event, seat in zip(booked, range(4), strict=False):
            buy(client, event, [event.seats[seat + 3 * "abc".index(friend[0])]])
    buy(fan, events[0], [events[0].seats[9]])
    catch_up()

    first = fan.get("/api/recommendations?limit=2").json
    second = fan.get(f"/api/recommendations?limit=2&after={first['next']}").json
    items = first["items"] + second["items"]

    assert items[0]["event"]["title"] == "Event 1"
    assert {item["event"]["title"] for item in items} == {"Event 1", "Event 2", "Event 3"}
    assert all(item["because"] == [events[0].id] for item in items)
    assert second["next"] is None
