"""Recommended events and the reasons shown with them."""

FIELDS = {"id", "title", "artist", "genre", "starts_at"}


def recommended(client):
    return {each["event"]["id"]: each for each in client.items("/api/recommendations")}


def test_events_booked_together_are_recommended_with_their_reason(
    sign_up, make_event, buy, eventually
):
    first, second, third = (make_event() for _ in range(3))
    for _ in range(2):
        other = sign_up()
        for event in (first, second, third):
            buy(
                other, event, [next(seat for seat in event.seats if seat not in sold(other, event))]
            )
    fan = sign_up()
    buy(fan, first, [next(seat for seat in first.seats if seat not in sold(fan, first))])

    def because_of_the_first():
        shown = recommended(fan)
        return (
            shown
            if first.id not in shown
            and [shown.get(each.id, {}).get("because") for each in (second, third)]
            == [[first.id]] * 2
            else None
        )

    found = eventually("recommendations", because_of_the_first)

    assert found[second.id].keys() == {"event", "score", "because"}
    assert found[second.id]["event"].keys() == FIELDS
    assert found[second.id]["event"]["title"].endswith(second.word)
    buy(fan, second, [next(seat for seat in second.seats if seat not in sold(fan, second))])
    eventually(
        "recommendations",
        lambda: (
            second.id not in recommended(fan) and first.id in recommended(fan)[third.id]["because"]
        ),
    )


def sold(client, event):
    return {
        seat["id"]
        for seat in client.get(f"/api/events/{event.id}/seats").json["items"]
        if seat["status"] != "free"
    }


def test_a_cancelled_booking_no_longer_affects_recommendations(
    sign_up, event, buy, settled, eventually
):
    fan = sign_up()
    booking = buy(fan, event, event.seats[:1])
    eventually("recommendations", lambda: event.id not in recommended(fan))

    fan.cancel(booking)
    settled(fan, booking)

    eventually(
        "recommendations",
        lambda: all(event.id not in each["because"] for each in recommended(fan).values()),
    )


def test_newcomers_get_best_sellers_without_a_reason(sign_up, event, buy, eventually):
    buy(sign_up(), event, event.seats[:1])
    newcomer = sign_up()

    found = eventually("recommendations", lambda: newcomer.items("/api/recommendations"))

    assert all(each["because"] == [] for each in found)
    assert len(found) <= 50


def test_the_highest_scores_come_first_across_pages(sign_up):
    newcomer = sign_up()

    pages = newcomer.pages("/api/recommendations", limit=2)

    scores = [each["score"] for page in pages for each in page]
    assert scores == sorted(scores, reverse=True)
    assert all(len(page) == 2 for page in pages[:-1])
    assert newcomer.get("/api/recommendations?limit=0&after=x").wrong == {"limit", "after"}


def test_recommendations_need_a_session(visitor):
    assert visitor.get("/api/recommendations").refusal == (401, "not-signed-in")
