"""The catalog: venues, events, seat plans, prices and searches."""

import secrets
from urllib.parse import quote, urlencode

import pytest

FIELDS = {
    "id",
    "title",
    "artist",
    "genre",
    "starts_at",
    "venue",
    "price_from",
    "currency",
    "seats_left",
}


def found(client, **query):
    """The unique words in the titles of the events that a query finds, in its order."""
    return [event["title"].split()[-1] for event in client.items(f"/api/events?{urlencode(query)}")]


def without_seats_left(event):
    return {field: value for field, value in event.items() if field != "seats_left"}


def test_venues_are_listed_by_name_with_their_sections(visitor):
    venues = visitor.items("/api/venues")

    assert venues
    assert [(venue["name"], venue["id"]) for venue in venues] == sorted(
        (venue["name"], venue["id"]) for venue in venues
    )
    for venue in venues:
        assert venue.keys() == {"id", "name", "city", "country", "sections"}
        assert all(
            section.keys() == {"name", "rows", "seats_per_row"} for section in venue["sections"]
        )
    assert visitor.items("/api/venues", limit=5) == venues
    assert visitor.get("/api/venues").json["items"] == venues[:20]


def test_everybody_can_see_an_organisers_new_event(
    organiser, visitor, plan_event, stage, eventually
):
    venue, section = stage
    plan = plan_event(price=2900, title="  Late Show ", currency="CHF")

    made = organiser.post("/api/events", plan)

    assert made.status == 201
    assert made.json.keys() == FIELDS
    assert without_seats_left(made.json) == {
        "id": made.json["id"],
        "title": "Late Show",
        "artist": plan["artist"],
        "genre": plan["genre"],
        "starts_at": plan["starts_at"],
        "venue": {"id": venue["id"], "name": venue["name"], "city": venue["city"]},
        "price_from": 2900,
        "currency": "CHF",
    }
    shown = visitor.get(f"/api/events/{made.json['id']}")
    assert (shown.status, without_seats_left(shown.json)) == (200, without_seats_left(made.json))
    seats = section["rows"] * section["seats_per_row"]
    eventually(
        "seats_left",
        lambda: visitor.get(f"/api/events/{made.json['id']}").json["seats_left"] == seats,
    )


def test_sections_with_prices_are_sold_in_plan_order(organiser, visitor, plan_event, eventually):
    venue = min(
        (venue for venue in visitor.items("/api/venues") if len(venue["sections"]) > 1),
        key=lambda venue: seat_count(venue["sections"]),
    )
    prices = {
        section["name"]: 9000 - 1000 * number for number, section in enumerate(venue["sections"])
    }
    for sold in (venue["sections"], venue["sections"][1:]):
        section_prices = {section["name"]: prices[section["name"]] for section in sold}

        event = organiser.post(
            "/api/events", plan_event(venue_id=venue["id"], prices=section_prices)
        ).json
        seats = eventually(
            "seats of a new event",
            lambda event=event: visitor.get(f"/api/events/{event['id']}/seats").json["items"],
        )

        assert event["price_from"] == min(section_prices.values())
        assert all(
            seat.keys() == {"id", "section", "row", "number", "price", "status"} for seat in seats
        )
        assert [
            (seat["section"], seat["row"], seat["number"], seat["price"], seat["status"])
            for seat in seats
        ] == [
            (section["name"], chr(ord("A") + row), number, section_prices[section["name"]], "free")
            for section in sold
            for row in range(section["rows"])
            for number in range(1, section["seats_per_row"] + 1)
        ]


def seat_count(sections):
    return sum(section["rows"] * section["seats_per_row"] for section in sections)


@pytest.mark.parametrize("price", [0, 10_000_000])
def test_a_price_may_be_zero_or_very_high(organiser, plan_event, price):
    made = organiser.post("/api/events", plan_event(price=price))

    assert (made.status, made.json["price_from"]) == (201, price)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("title", " "),
        ("title", "x" * 201),
        ("artist", 7),
        ("genre", ""),
        ("venue_id", "nowhere"),
        ("venue_id", None),
        ("starts_at", "2001-01-01T00:00:00Z"),
        ("starts_at", "2099-02-30T00:00:00Z"),
        ("starts_at", "2099-01-01T00:00:00+01:00"),
        ("starts_at", "2099-01-01"),
        ("prices", {}),
        ("prices", {"Roof": 100}),
        ("prices", 100),
        ("currency", "eur"),
        ("currency", "JPY"),
        ("seats", []),
    ],
)
def test_a_wrong_event_field_is_named(organiser, plan_event, field, value):
    assert organiser.post("/api/events", plan_event(**{field: value})).wrong == {field}


@pytest.mark.parametrize("price", [-1, 10_000_001, 1.5, "100", True, None])
def test_a_price_is_a_whole_number_of_minor_units(organiser, plan_event, price):
    assert organiser.post("/api/events", plan_event(price=price)).wrong == {"prices"}


def test_all_wrong_event_fields_are_named_at_once(organiser):
    wrong = {
        "title": "",
        "artist": 7,
        "venue_id": "nowhere",
        "starts_at": "yesterday",
        "prices": {"Stalls": -1},
        "currency": "XXX",
        "more": 1,
    }

    assert organiser.post("/api/events", wrong).wrong == {*wrong, "genre"}


def test_only_organisers_add_events(fan, plan_event):
    assert fan.post("/api/events", plan_event()).refusal == (403, "forbidden")


def test_events_are_sorted_by_start_and_id(make_event, visitor):
    times = [
        "2098-03-03T20:00:00Z",
        "2098-03-02T20:00:00Z",
        "2098-03-02T20:00:00Z",
        "2098-03-02T19:59:59.5Z",
    ]
    artist = make_event().word
    made = [make_event(artist=artist, starts_at=at) for at in times]

    events = visitor.items(f"/api/events?q={artist}&from=2098-01-01T00:00:00Z")

    assert [event["id"] for event in events] == [
        made[3].id,
        *sorted([made[1].id, made[2].id]),
        made[0].id,
    ]


def test_from_is_inclusive_and_to_exclusive(make_event, visitor):
    first, second = "2098-04-01T20:00:00Z", "2098-04-02T20:00:00Z"
    artist = f"Ferry-{secrets.token_hex(6)}"
    words = [make_event(artist=artist, starts_at=at).word for at in (first, second)]

    assert found(visitor, q=artist, **{"from": first, "to": second}) == words[:1]
    assert found(visitor, q=artist, **{"from": second}) == words[1:]
    assert found(visitor, q=artist, to=second) == words[:1]
    assert found(visitor, q=artist, **{"from": second, "to": second}) == []


def test_a_search_matches_all_words_in_any_case(make_event, visitor):
    event = make_event(artist="Ünder The 100%_Bridge")

    for words in (
        "",
        "NIGHT",
        "under the bridge"[6:],
        "night 100%",
        "ünder",
        "%_b",
        "bridge night",
    ):
        assert found(visitor, q=f"{event.word} {words}") == [event.word], words
    for words in ("elsewhere", "10%0", "n_ght", "jazz", "%%"):
        assert found(visitor, q=f"{event.word} {words}") == [], words
    assert found(visitor, q=event.word[1:-1].upper()) == [event.word]


def test_the_city_filter_ignores_upper_and_lower_case(make_event, visitor, stage):
    event, city = make_event(), stage[0]["city"]

    assert found(visitor, q=event.word, city=city.upper()) == [event.word]
    assert found(visitor, q=event.word, city=city[:-1]) == []
    assert found(visitor, q=event.word, city="%") == []


def test_pages_of_events_stay_consistent_during_changes(make_event, visitor, fan, buy):
    artist = make_event().word
    made = [
        make_event(artist=artist, starts_at=f"2098-05-0{1 + number // 2}T20:00:00Z")
        for number in range(5)
    ]
    path = f"/api/events?q={artist}&from=2098-01-01T00:00:00Z&limit=2"

    first = visitor.get(path).json
    make_event(artist=artist, starts_at="2098-04-01T20:00:00Z")
    for event in made:
        buy(fan, event, event.seats[:1])
    second = visitor.get(f"{path}&after={quote(first['next'])}").json
    third = visitor.get(f"{path}&after={quote(second['next'])}").json

    assert sorted(
        event["id"] for page in (first, second, third) for event in page["items"]
    ) == sorted(event.id for event in made)
    assert [len(page["items"]) for page in (first, second, third)] == [2, 2, 1]
    assert third["next"] is None


@pytest.mark.parametrize("path", ["/api/events", "/api/venues"])
@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=101",
        "limit=-1",
        "limit=x",
        "limit=",
        "limit=1.5",
        "after=x",
        "after=",
        "after=e30%3D",
        "after=%00",
    ],
)
def test_wrong_page_parameters_of_a_list_are_refused(visitor, path, query):
    assert visitor.get(f"{path}?{query}").wrong == {query.split("=")[0]}


@pytest.mark.parametrize(
    "query",
    [
        "from=yesterday",
        "from=",
        "to=2098-02-30T00:00:00Z",
        "q=%00",
        f"q={'x' * 201}",
        f"city={'x' * 201}",
    ],
)
def test_wrong_search_parameters_are_refused(visitor, query):
    assert visitor.get(f"/api/events?{query}").wrong == {query.split("=")[0]}


def test_all_wrong_search_parameters_are_named_at_once(visitor):
    assert visitor.get("/api/events?limit=0&after=x&from=x&to=x&colour=x").wrong == {
        "limit",
        "after",
        "from",
        "to",
    }
    assert visitor.get("/api/events?colour=x&limit=100").status == 200


@pytest.mark.parametrize("id", ["unknown", "a.b", "a%00b", "%F0%9F%8E%BA", "x" * 65])
@pytest.mark.parametrize("path", ["/api/events/{}", "/api/events/{}/seats"])
def test_an_unknown_event_is_not_found(visitor, path, id):
    assert visitor.get(path.format(id)).refusal == (404, "not-found")


def test_a_started_event_is_hidden_and_not_sold(make_event, soon, visitor, fan, eventually):
    at = soon(seconds=2)
    event = make_event(starts_at=at)
    assert found(visitor, q=event.word) == [event.word]

    started = eventually(
        "an event's start",
        lambda: (
            (answer := fan.hold(event, [event.seats[0]])).json.get("type") == "event-started"
            and answer
        ),
    )

    assert started.status == 409
    assert found(visitor, q=event.word) == []
    assert found(visitor, q=event.word, **{"from": at}) == [event.word]
    assert fan.hold(event, ["unknown"]).wrong == {"seats"}


def test_the_openapi_document_is_served(visitor):
    document = visitor.get("/api/openapi.json")

    assert document.status == 200
    assert document.json["openapi"].startswith("3.1")
    assert {
        "/api/accounts",
        "/api/events/{id}/holds",
        "/api/bookings/{id}/cancellation",
        "/api/recommendations",
    } <= set(document.json["paths"])
