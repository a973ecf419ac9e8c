from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

SOON = datetime.now(UTC).replace(microsecond=0) + timedelta(days=10)


def titles(client, query=""):
    return [event["title"] for event in client.get(f"/api/events?{query}").json["items"]]


def test_an_event_shows_venue_price_and_seats_left(client, make_event):
    event = make_event(sections=(("Stalls", 2, 5, 4500), ("Balcony", 1, 3, 2500)), starts_at=SOON)

    assert client.get(f"/api/events/{event.id}").json == {
        "id": event.id,
        "title": "Small Hours",
        "artist": "Paper Lanterns",
        "genre": "indie",
        "starts_at": SOON.isoformat().replace("+00:00", "Z"),
        "venue": {"id": event.venue_id, "name": "Lantern Hall", "city": "Lisbon"},
        "price_from": 2500,
        "currency": "EUR",
        "seats_left": 13,
    }


def test_events_are_sorted_by_start_without_past_ones(client, make_event):
    make_event(title="third", starts_at=SOON + timedelta(days=2))
    make_event(title="second", starts_at=SOON)
    make_event(title="past", starts_at=SOON - timedelta(days=20))

    assert titles(client) == ["second", "third"]
    assert titles(client, "from=2000-01-01T00:00:00Z") == ["past", "second", "third"]
    assert titles(
        client, f"from={SOON:%Y-%m-%dT%H:%M:%SZ}&to={SOON + timedelta(days=2):%Y-%m-%dT%H:%M:%SZ}"
    ) == ["second"]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("q=hours", ["Small Hours"]),
        ("q=LANTERNS small", ["Small Hours"]),
        ("q=hours nowhere", []),
        ("q=100%25", ["100% Live"]),
        ("q=_", []),
        ("city=LISBON", ["Small Hours"]),
        ("city=Lis", []),
        ("q=", ["Small Hours", "100% Live"]),
    ],
)
def test_a_search_matches_all_words_and_the_city(client, make_event, query, found):
    make_event(title="Small Hours", artist="Paper Lanterns", city="Lisbon", starts_at=SOON)
    make_event(
        title="100% Live", artist="Kilowatt Choir", city="Ghent", starts_at=SOON + timedelta(days=1)
    )

    assert titles(client, query) == found


def test_pages_stay_consistent_while_events_are_added(client, make_event):
    for number in range(5):
        make_event(title=str(number), starts_at=SOON + timedelta(days=number // 2))

    first = client.get("/api/events?limit=2").json
    make_event(title="early", starts_at=SOON - timedelta(days=1))
    second = client.get(f"/api/events?limit=2&after={first['next']}").json
    third = client.get(f"/api/events?limit=2&after={second['next']}").json

    assert sorted(event["title"] for page in (first, second, third) for event in page["items"]) == [
        "0",
        "1",
        "2",
        "3",
        "4",
    ]
    assert third["next"] is None


def seats_left(client, event):
    return client.get(f"/api/events/{event.id}").json["seats_left"]


def test_seats_left_counts_pending_and_confirmed_bookings(client, event, sell):
    sell(event, event.seats[:2], "booking.requested", version=1)
    sell(event, event.seats[2:5], "booking.confirmed")

    assert seats_left(client, event) == 5
    assert client.get("/api/events").json["items"][0]["seats_left"] == 5


@pytest.mark.parametrize("end", ["booking.declined", "booking.cancelled"])
def test_seats_are_left_again_when_a_booking_ends(client, event, sell, end):
    seats = event.seats[:2]
    booking = sell(event, seats, "booking.requested", version=1)
    before = seats_left(client, event)

    sell(event, seats, end, id=booking, version=3)
    after = seats_left(client, event)
    sell(event, seats, "booking.confirmed", id=booking, version=2)

    assert (before, after) == (8, 10)
    assert seats_left(client, event) == 10  # the older message came too late


def test_seats_left_counts_bookings_from_before_the_outbox(client, event, sell):
    sell(event, event.seats[:3], version=1, snapshot=True)

    assert seats_left(client, event) == 7


def test_only_the_role_of_the_catalog_counts_sold_seats(process):
    for module, allowed in (("catalog", True), ("sessions", False)):
        with getattr(process.db, module).reading() as session:
            right = text("select has_table_privilege('sold_seats', 'insert')")
            assert session.scalar(right) == allowed


def test_a_new_event_sells_only_sections_with_prices(client, sign_up, make_event):
    organiser = sign_up("olga", role="organiser")
    venue = make_event(sections=(("Stalls", 2, 5, 4500), ("Balcony", 1, 3, 2500)))
    new_event = {
        "title": "Late Show",
        "artist": "Night Ferry",
        "genre": "jazz",
        "venue_id": venue.venue_id,
        "starts_at": "2099-06-01T19:30:00Z",
        "prices": {"Balcony": 3000},
        "currency": "CHF",
    }

    made = organiser.post("/api/events", json=new_event)

    assert made.status_code == 201
    assert (made.json["seats_left"], made.json["price_from"], made.json["currency"]) == (
        3,
        3000,
        "CHF",
    )
    assert client.get(f"/api/events/{made.json['id']}").json == made.json


def test_all_wrong_event_fields_are_named_at_once(sign_up, event):
    organiser = sign_up("olga", role="organiser")
    wrong = {
        "title": "",
        "artist": 7,
        "venue_id": "nowhere",
        "starts_at": "2001-01-01T00:00:00Z",
        "prices": {"Stalls": -1},
        "currency": "XXX",
        "more": 1,
    }

    refused = organiser.post("/api/events", json=wrong)

    assert refused.status_code == 422
    assert {error["field"] for error in refused.json["errors"]} == {*wrong, "genre"}


@pytest.mark.parametrize("field", ["title", "artist", "genre"])
def test_a_new_event_has_one_line_in_each_field(sign_up, event, field):
    organiser = sign_up("olga", role="organiser")

    refused = organiser.post("/api/events", json={field: "Late Show\u2029and more"})

    wrong = {error["field"]: error["detail"] for error in refused.json["errors"]}
    assert wrong[field] == "must be one line, without control characters"


def test_a_price_for_an_unknown_section_is_refused(sign_up, event):
    organiser = sign_up("olga", role="organiser")
    new_event = {
        "title": "a",
        "artist": "b",
        "genre": "c",
        "venue_id": event.venue_id,
        "starts_at": "2099-01-01T00:00:00Z",
        "prices": {"Roof": 1},
        "currency": "EUR",
    }

    assert [
        error["field"] for error in organiser.post("/api/events", json=new_event).json["errors"]
    ] == ["prices"]


@pytest.mark.parametrize(
    ("currency", "least"),
    [("EUR", 50), ("USD", 50), ("GBP", 30), ("CHF", 50), ("SEK", 300)],
)
def test_a_price_that_the_provider_would_not_charge_is_refused(sign_up, event, currency, least):
    organiser = sign_up("olga", role="organiser")
    new_event = {
        "title": "a",
        "artist": "b",
        "genre": "c",
        "venue_id": event.venue_id,
        "starts_at": "2099-01-01T00:00:00Z",
        "currency": currency,
    }

    answers = {
        price: organiser.post("/api/events", json=new_event | {"prices": {"Stalls": price}})
        for price in (0, 1, least - 1, least)
    }

    assert {price: answer.status_code for price, answer in answers.items()} == {
        0: 201,
        1: 422,
        least - 1: 422,
        least: 201,
    }
    assert answers[1].json["errors"] == [
        {
            "field": "prices",
            "detail": f"must be 0 or at least {least}, "
            f"the payment provider's least charge in {currency}",
        }
    ]


def test_venues_are_listed_with_their_sections(client, make_event):
    event = make_event(sections=(("Stalls", 2, 5, 4500), ("Balcony", 1, 3, 2500)))

    assert client.get("/api/venues").json["items"] == [
        {
            "id": event.venue_id,
            "name": "Lantern Hall",
            "city": "Lisbon",
            "country": "Portugal",
            "sections": [
                {"name": "Stalls", "rows": 2, "seats_per_row": 5},
                {"name": "Balcony", "rows": 1, "seats_per_row": 3},
            ],
        }
    ]
