"""Step 02: put a facade in front and change nothing behind it."""


def test_the_facade_answers_while_the_application_is_stopped(encore):
    serving = encore.request("GET", "/api/events").headers["X-Served-By"]

    encore.stop(serving)

    answer = encore.request("GET", "/api/events")
    assert (answer.status, answer.json.get("type")) == (503, "unavailable")
    assert answer.headers["Content-Type"] == "application/problem+json"


def test_health_checks_are_not_public(encore):
    assert encore.request("GET", "/health/ready").status == 404
