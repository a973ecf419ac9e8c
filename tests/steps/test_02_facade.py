"""Step 02: put a facade in front and change nothing behind it."""


def test_with_the_application_stopped_the_public_address_still_answers(encore):
    serving = encore.request("GET", "/api/events").headers["X-Served-By"]

    encore.stop(serving)

    answer = encore.request("GET", "/api/events")
    assert (answer.status, answer.json.get("type")) == (503, "unavailable")
    assert answer.headers["Content-Type"] == "application/problem+json"


def test_health_is_not_seen_from_outside(encore):
    assert encore.request("GET", "/health/ready").status == 404
