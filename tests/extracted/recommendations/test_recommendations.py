"""The answers of the service: what the contract says, for those who are signed in."""

from datetime import UTC, datetime
from random import Random

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import event as events
from sqlalchemy.engine import Engine

from extracted.recommendations.app import create_app
from extracted.recommendations.config import for_web

PATH = "/api/recommendations"


def test_events_booked_together_are_recommended_with_their_reason(after, recommended):
    after(
        ("ada", "jazz"),
        ("ada", "blues"),
        ("bob", "jazz"),
        ("bob", "blues"),
        ("cem", "jazz"),
        ("cem", "metal"),
        ("me", "jazz"),
    )

    assert recommended("me") == [("blues", 0.707107, ["jazz"]), ("metal", 0.5, ["jazz"])]


def test_the_reasons_come_in_the_order_of_their_ids(after, recommended):
    after(
        ("ada", "jazz"),
        ("ada", "blues"),
        ("ada", "folk"),
        ("me", "jazz"),
        ("me", "blues"),
    )

    assert recommended("me") == [("folk", 1.414214, ["blues", "jazz"])]


def test_newcomers_get_best_sellers_without_a_reason(after, recommended):
    after(("ada", "jazz"), ("bob", "jazz"), ("bob", "metal"))

    assert recommended("new") == [("jazz", 1.0, []), ("metal", 0.5, [])]


def test_an_event_that_is_booked_twice_counts_once(after, recommended):
    after(("me", "jazz"), ("me", "jazz"), ("ada", "jazz"), ("ada", "folk"))

    assert recommended("me") == [("folk", 0.707107, ["jazz"])]


def test_one_of_two_bookings_cancelled_still_counts(after, recommended):
    twice = ("me", "jazz")

    after(twice, twice, ("ada", "jazz"), ("ada", "folk"), cancelled=[twice])

    assert recommended("me") == [("folk", 0.707107, ["jazz"])]


def test_cancelled_bookings_change_no_recommendation(after, recommended):
    random = Random(1)
    pairs = [(f"account {random.randrange(8)}", f"event{random.randrange(9)}") for _ in range(60)]
    kept, passing = pairs[:30], pairs[30:]
    after(*kept)
    before = [recommended(f"account {number}") for number in range(8)]

    after(*kept, *passing, cancelled=passing)

    assert [recommended(f"account {number}") for number in range(8)] == before


def test_an_event_shows_what_the_catalog_published(after, deliver, sign_in):
    after(("ada", "jazz"))
    deliver(("catalog", "event.scheduled", {"id": "jazz", "aggregate_version": 2, "title": "Jazz"}))

    (item,) = sign_in("new").get(PATH).json["items"]

    assert item["event"] == {
        "id": "jazz",
        "title": "Jazz",
        "artist": "Paper Lanterns",
        "genre": "indie",
        "starts_at": "2030-06-01T19:30:00Z",
    }


def test_past_and_unknown_events_are_not_recommended(after, deliver, recommended):
    past = {"id": "past", "aggregate_version": 2, "starts_at": "2029-12-31T20:00:00Z"}
    after(("ada", "past"), ("ada", "jazz"))
    deliver(("catalog", "event.scheduled", past))
    unknown = {"id": "u", "account_id": "ada", "event_id": "unknown"}
    deliver(("bookings", "booking.confirmed", unknown))

    assert [event for event, *_ in recommended("new")] == ["jazz"]


def test_at_most_fifty_are_recommended_in_pages(after, sign_in):
    after(*(("ada", f"event{number:02}") for number in range(60)))
    client = sign_in("new")

    first = client.get(f"{PATH}?limit=30").json
    second = client.get(f"{PATH}?limit=30&after={first['next']}").json

    shown = [item["event"]["id"] for item in first["items"] + second["items"]]
    assert shown == [f"event{number:02}" for number in range(50)]
    assert second["next"] is None


def test_more_bookings_need_no_more_statements(after, sign_in):
    client = sign_in("me")
    after(("me", "jazz"), ("ada", "jazz"), ("ada", "folk"))
    few = statements(lambda: client.get(PATH))

    after(
        ("me", "jazz"),
        ("ada", "jazz"),
        ("ada", "folk"),
        *((f"account{number % 5}", f"event{number}") for number in range(20)),
        *((f"account{number}", "jazz") for number in range(5)),
    )

    assert len(statements(lambda: client.get(PATH))) == len(few) == 5, few


def statements(ask):
    """The statements that a request needs."""
    counted = []

    def count(connection, cursor, statement, *more):
        counted.append(statement)

    events.listen(Engine, "before_cursor_execute", count)
    try:
        assert ask().status_code == 200
    finally:
        events.remove(Engine, "before_cursor_execute", count)
    return counted


def test_wrong_parameters_are_refused_all_at_once(sign_in):
    answer = sign_in("me").get(f"{PATH}?limit=0&after=x")

    assert (answer.status_code, answer.json["type"]) == (422, "invalid")
    assert {error["field"] for error in answer.json["errors"]} == {"limit", "after"}


def test_only_the_signed_in_get_recommendations(app, sign_in):
    stranger = app.test_client()
    expired = sign_in("me", exp=datetime(2029, 12, 31, tzinfo=UTC))
    endless = sign_in("me", exp=None)
    forged = sign_in("me", signed_with=Ed25519PrivateKey.generate())

    answers = [client.get(PATH) for client in (stranger, expired, endless, forged)]

    assert [answer.status_code for answer in answers] == [401] * 4
    assert {answer.json["type"] for answer in answers} == {"not-signed-in"}


def test_a_process_without_its_database_is_not_ready(app, lab_services):
    settings = {
        "DATABASE_URL": "postgresql://a:b@127.0.0.1:1/c",
        "SESSION_PUBLIC_KEYS": lab_services.session_public_keys,
        "LOG_LEVEL": "ERROR",
    }

    away = create_app(for_web(settings)).test_client()

    assert away.get("/health/live").status_code == 200
    assert away.get("/health/ready").status_code == 503
    assert app.test_client().get("/health/ready").status_code == 200
