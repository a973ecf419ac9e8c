from random import Random

from monolith.recommendations.together import Together


def noted(*bookings):
    together = Together()
    for account_id, event_id in bookings:
        together.add(account_id, event_id)
    return together


def test_what_others_booked_along_is_suggested_with_its_reason():
    together = noted(("ada", "jazz"), ("ada", "blues"), ("bob", "jazz"), ("bob", "blues"), ("cem", "jazz"), ("cem", "metal"), ("me", "jazz"))

    assert together.suggest("me") == [("blues", 0.707107, ["jazz"]), ("metal", 0.5, ["jazz"])]


def test_without_history_the_best_sellers_are_suggested():
    together = noted(("ada", "jazz"), ("bob", "jazz"), ("bob", "metal"))

    assert together.suggest("new") == [("jazz", 1.0, []), ("metal", 0.5, [])]


def test_what_was_booked_is_not_suggested_and_booking_twice_counts_once():
    together = noted(("me", "jazz"), ("me", "jazz"), ("ada", "jazz"), ("ada", "folk"))

    assert together.suggest("me") == [("folk", 0.707107, ["jazz"])]


def test_taking_back_leaves_nothing_behind():
    random = Random(1)
    kept = [(f"account {random.randrange(20)}", f"event {random.randrange(15)}") for _ in range(200)]
    passing = [(f"account {random.randrange(20)}", f"event {random.randrange(15)}") for _ in range(200)]
    together = noted(*kept, *passing)

    for booking in passing:
        together.remove(*booking)

    assert [together.suggest(f"account {number}") for number in range(20)] == [noted(*kept).suggest(f"account {number}") for number in range(20)]


def test_recommendations_name_upcoming_events_and_page_by_score(fan, sign_up, make_event, buy):
    events = [make_event(title=f"Event {number}") for number in range(4)]
    for friend, booked in {"ada": events[:3], "bob": events[:2], "cem": [events[0], events[3]]}.items():
        client = sign_up(friend)
        for event, seat in zip(booked, range(4), strict=False):
            buy(client, event, [event.seats[seat + 3 * "abc".index(friend[0])]])
    buy(fan, events[0], [events[0].seats[9]])

    first = fan.get("/api/recommendations?limit=2").json
    second = fan.get(f"/api/recommendations?limit=2&after={first['next']}").json
    items = first["items"] + second["items"]

    assert items[0]["event"]["title"] == "Event 1"
    assert {item["event"]["title"] for item in items} == {"Event 1", "Event 2", "Event 3"}
    assert all(item["because"] == [events[0].id] for item in items)
    assert second["next"] is None


def test_after_a_restart_the_same_is_recommended(fan, sign_up, make_event, buy, environ):
    from monolith.app import create_app
    from monolith.config import parse

    events = [make_event(), make_event()]
    for event in events:
        buy(sign_up(f"ada{event.venue_id}"), event, [event.seats[0]])
    before = fan.get("/api/recommendations").json

    again = create_app(parse(environ)).test_client()
    again.post("/api/sessions", json={"email": "fan@encore.example", "password": "correct horse"})

    assert again.get("/api/recommendations").json == before
    again.application.extensions["encore"].db.dispose()
