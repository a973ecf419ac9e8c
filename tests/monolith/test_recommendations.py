from random import Random

from monolith.recommendations.similarity import Similarity


def after_bookings(*bookings):
    similarity = Similarity()
    for account_id, event_id in bookings:
        similarity.add(account_id, event_id)
    return similarity


def test_events_booked_together_are_suggested_with_their_reason():
    similarity = after_bookings(
        ("ada", "jazz"),
        ("ada", "blues"),
        ("bob", "jazz"),
        ("bob", "blues"),
        ("cem", "jazz"),
        ("cem", "metal"),
        ("me", "jazz"),
    )

    assert similarity.suggest("me") == [("blues", 0.707107, ["jazz"]), ("metal", 0.5, ["jazz"])]


def test_newcomers_get_best_sellers_as_suggestions():
    similarity = after_bookings(("ada", "jazz"), ("bob", "jazz"), ("bob", "metal"))

    assert similarity.suggest("new") == [("jazz", 1.0, []), ("metal", 0.5, [])]


def test_booked_events_count_once_and_are_not_suggested():
    similarity = after_bookings(("me", "jazz"), ("me", "jazz"), ("ada", "jazz"), ("ada", "folk"))

    assert similarity.suggest("me") == [("folk", 0.707107, ["jazz"])]


def test_a_cancellation_removes_all_effects_of_its_booking():
    random = Random(1)
    kept = [
        (f"account {random.randrange(20)}", f"event {random.randrange(15)}") for _ in range(200)
    ]
    passing = [
        (f"account {random.randrange(20)}", f"event {random.randrange(15)}") for _ in range(200)
    ]
    similarity = after_bookings(*kept, *passing)

    for booking in passing:
        similarity.remove(*booking)

    assert [similarity.suggest(f"account {number}") for number in range(20)] == [
        after_bookings(*kept).suggest(f"account {number}") for number in range(20)
    ]


def test_recommendations_are_upcoming_events_in_pages_by_score(fan, sign_up, make_event, buy):
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

    first = fan.get("/api/recommendations?limit=2").json
    second = fan.get(f"/api/recommendations?limit=2&after={first['next']}").json
    items = first["items"] + second["items"]

    assert items[0]["event"]["title"] == "Event 1"
    assert {item["event"]["title"] for item in items} == {"Event 1", "Event 2", "Event 3"}
    assert all(item["because"] == [events[0].id] for item in items)
    assert second["next"] is None


def test_recommendations_are_the_same_after_a_restart(fan, sign_up, make_event, buy, environ):
    from monolith.app import create_app
    from monolith.config import parse

    events = [make_event(), make_event()]
    for event in events:
        buy(sign_up(f"ada{event.venue_id}"), event, [event.seats[0]])
    before = fan.get("/api/recommendations").json

    again = create_app(parse(environ)).test_client()
    again.post("/api/sessions", json={"email": "fan@encore.example", "password": "correct horse"})

    assert again.get("/api/recommendations").json == before
    again.application.extensions["process"].db.dispose()
