"""How requests are refused, and which check comes first."""

import json

import pytest

LARGE = json.dumps({"name": "x" * 70_000})
NEEDS_A_SESSION = [
    ("DELETE", "/api/sessions"),
    ("GET", "/api/accounts/me"),
    ("POST", "/api/events"),
    ("POST", "/api/events/unknown/holds"),
    ("DELETE", "/api/holds/unknown"),
    ("POST", "/api/bookings"),
    ("GET", "/api/bookings"),
    ("GET", "/api/bookings/unknown"),
    ("POST", "/api/bookings/unknown/cancellation"),
    ("GET", "/api/payments"),
    ("GET", "/api/recommendations"),
]
TAKES_A_BODY = [
    "/api/accounts",
    "/api/sessions",
    "/api/events",
    "/api/events/unknown/holds",
    "/api/bookings",
    "/api/bookings/unknown/cancellation",
]
AS_JSON = {"Content-Type": "application/json"}


@pytest.mark.parametrize(("method", "path"), NEEDS_A_SESSION)
def test_requests_without_a_session_are_refused(visitor, method, path):
    assert visitor.request(method, path, {} if method == "POST" else None).refusal == (
        401,
        "not-signed-in",
    )


@pytest.mark.parametrize("path", TAKES_A_BODY)
def test_a_body_must_be_a_small_json_object(visitor, path):
    for body in (b"[]", b"7", b"null", b"{", b"\xff", b'{"a": NaN}', b'"text"'):
        assert visitor.post(path, body=body, headers=AS_JSON).refusal == (400, "malformed"), body
    assert visitor.post(path, body=LARGE, headers=AS_JSON).refusal == (413, "too-large")
    assert visitor.post(path, body=b"{}", headers={"Content-Type": "text/plain"}).refusal == (
        415,
        "unsupported-media-type",
    )


def test_body_then_session_then_fields_are_checked(visitor, fan, event):
    path = f"/api/events/{event.id}/holds"

    assert visitor.post(path, body=b"{", headers={"Content-Type": "text/plain"}).refusal == (
        400,
        "malformed",
    )
    assert visitor.post(path, body=b"{}", headers={"Content-Type": "text/plain"}).refusal == (
        415,
        "unsupported-media-type",
    )
    assert visitor.post(path, {"seats": 7}).refusal == (401, "not-signed-in")
    assert fan.post("/api/events", {"title": 7}).refusal == (403, "forbidden")
    assert fan.post("/api/events/unknown/holds", {"seats": 7}).refusal == (404, "not-found")
    assert fan.post("/api/bookings", {"hold_id": "unknown", "payment_method": 7}).refusal == (
        404,
        "not-found",
    )


def test_requests_from_other_sites_change_nothing(fan, visitor, event, settings):
    foreign, own = {"Origin": "https://elsewhere.example"}, {"Origin": settings["BASE_URL"]}
    held = fan.hold(event, event.seats[:1]).json

    assert fan.delete(f"/api/holds/{held['id']}", headers=foreign).refusal == (
        403,
        "foreign-origin",
    )
    assert fan.post(
        f"/api/events/{event.id}/holds", {"seats": event.seats[1:2]}, headers=foreign
    ).refusal == (403, "foreign-origin")
    assert fan.post("/api/bookings/unknown/cancellation", headers=foreign).refusal == (
        403,
        "foreign-origin",
    )
    assert fan.post("/api/bookings", {"hold_id": "unknown"}, headers=foreign).refusal == (
        403,
        "foreign-origin",
    )
    assert fan.delete("/api/sessions", headers=foreign).refusal == (403, "foreign-origin")
    assert visitor.post("/api/accounts", {}, headers=foreign).refusal == (403, "foreign-origin")
    assert visitor.post("/api/sessions", {}, headers={"Origin": "null"}).refusal == (
        403,
        "foreign-origin",
    )
    assert fan.request("GET", "/api/accounts/me", headers=foreign).status == 200
    assert fan.delete(f"/api/holds/{held['id']}", headers=own).status == 204


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize(
    "path",
    [
        "/api/venues",
        "/api/events",
        "/api/accounts/me",
        "/api/bookings",
        "/api/payments",
        "/api/recommendations",
    ],
)
def test_a_wrong_method_is_answered_with_allowed_methods(visitor, method, path):
    refused = visitor.request(method, path)

    assert refused.refusal == (405, "method-not-allowed")
    assert "GET" in refused.headers["Allow"]


@pytest.mark.parametrize(
    "path",
    [
        "/api",
        "/api/",
        "/api/nothing",
        "/api/events/",
        "/api/events/a/b",
        "/api/events/%00",
        "/api/events//seats",
        "/api/accounts/you",
    ],
)
def test_an_unknown_path_is_not_found(visitor, path):
    assert visitor.get(path).refusal == (404, "not-found")


def test_head_is_answered_like_get_without_a_body(visitor, event):
    for path in (
        "/api/venues",
        "/api/events",
        f"/api/events/{event.id}",
        f"/api/events/{event.id}/seats",
    ):
        answer = visitor.request("HEAD", path)
        assert (answer.status, answer.text) == (200, "")
