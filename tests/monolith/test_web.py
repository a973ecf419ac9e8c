import json

import pytest

JSON = {"Content-Type": "application/json"}


def kind(answer):
    assert answer.content_type == "application/problem+json"
    assert answer.json["status"] == answer.status_code
    assert {"type", "title", "detail"} <= set(answer.json)
    return answer.status_code, answer.json["type"]


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'"a"', b"null", b"NaN", b'{"a": Infinity}', b"\xff", b"[" * 60_000, b'{"a":' * 10_000])
def test_a_body_that_is_not_a_json_object_is_malformed(client, body):
    assert kind(client.post("/api/accounts", data=body, headers=JSON)) == (400, "malformed")


def test_a_body_of_another_type_is_refused(client):
    assert kind(client.post("/api/accounts", data=b"{}", headers={"Content-Type": "text/plain"})) == (415, "unsupported-media-type")


def test_a_body_may_have_64_kib(client):
    assert kind(client.post("/api/accounts", data=json.dumps({"a": "x" * 70_000}), headers=JSON)) == (413, "too-large")


def test_the_bodys_form_is_looked_at_before_who_asks(client, event):
    assert kind(client.post(f"/api/events/{event.id}/holds", data=b"{", headers=JSON)) == (400, "malformed")
    assert kind(client.post(f"/api/events/{event.id}/holds", json={})) == (401, "not-signed-in")


def test_who_asks_is_looked_at_before_whence(client, fan, event):
    foreign = {"Origin": "https://elsewhere.example"}

    assert kind(client.post("/api/events", json={}, headers=foreign)) == (401, "not-signed-in")
    assert kind(fan.post("/api/events", json={}, headers=foreign)) == (403, "foreign-origin")
    assert kind(fan.post("/api/events", json={})) == (403, "forbidden")


@pytest.mark.parametrize("origin", ["https://elsewhere.example", "null", "http://localhost:81", "http://localhost.elsewhere.example", "http://[", ""])
def test_an_unsafe_method_from_another_origin_is_refused(client, origin):
    assert kind(client.post("/api/sessions", json={}, headers={"Origin": origin})) == (403, "foreign-origin")


def test_this_sites_own_origin_is_welcome_and_reading_is_open_to_all(client):
    assert kind(client.post("/api/sessions", json={}, headers={"Origin": "http://localhost"})) == (422, "invalid")
    assert client.get("/api/events", headers={"Origin": "https://elsewhere.example"}).status_code == 200


def test_what_is_not_there_is_looked_at_before_the_fields(fan):
    assert kind(fan.post("/api/events/unknown/holds", json={"colour": 1})) == (404, "not-found")
    assert kind(fan.post("/api/bookings", json={"hold_id": "unknown", "payment_method": 7})) == (404, "not-found")
    assert kind(fan.post("/api/bookings", json={"hold_id": 7, "payment_method": 7})) == (422, "invalid")
    assert kind(fan.post("/api/bookings/unknown/cancellation", json={"colour": 1})) == (404, "not-found")


def test_a_cancellation_takes_no_fields(fan, event, buy):
    booking = buy(fan, event, event.seats[:1])

    assert kind(fan.post(f"/api/bookings/{booking['id']}/cancellation", json={"colour": 1})) == (422, "invalid")


@pytest.mark.parametrize("path", ["/api/nothing", "/api/events/a%00b", "/api/events/a.b", "/nothing.html", "/../lab", "/api/events/", "//api/events"])
def test_an_unknown_address_is_not_found(client, path):
    assert kind(client.get(path)) == (404, "not-found")


def test_an_unknown_address_is_not_found_by_any_method(client):
    assert kind(client.post("/api/nothing", json={})) == (404, "not-found")


@pytest.mark.parametrize("method", ["PUT", "PATCH", "OPTIONS", "DELETE", "TRACE"])
def test_another_method_is_refused_with_those_that_are_allowed(client, method):
    answer = client.open("/api/events", method=method)

    assert kind(answer) == (405, "method-not-allowed")
    assert set(answer.headers["Allow"].split(", ")) == {"GET", "HEAD", "POST"}


@pytest.mark.parametrize("query", ["limit=0", "limit=101", "limit=x", "limit=", "after=x", "from=yesterday", "q=%00", "q=" + "x" * 201])
def test_a_query_that_is_wrong_names_its_parameter(client, query):
    refused = client.get(f"/api/events?{query}")

    assert kind(refused) == (422, "invalid")
    assert [error["field"] for error in refused.json["errors"]] == [query.split("=")[0]]


def test_every_route_of_the_api_says_who_may_call_it(app):
    rules = [rule for rule in app.url_map.iter_rules() if rule.rule.startswith("/api/") and rule.rule != "/api/openapi.json"]

    assert [rule.rule for rule in rules if not hasattr(app.view_functions[rule.endpoint], "access")] == []


def test_a_request_keeps_its_id_and_is_told_who_served_it(client):
    assert client.get("/api/events", headers={"X-Request-Id": "abc-1"}).headers["X-Request-Id"] == "abc-1"
    assert client.get("/api/events", headers={"X-Request-Id": "a b"}).headers["X-Request-Id"] != "a b"
    assert client.get("/api/events").headers["X-Served-By"] == "web"


def test_without_its_database_the_process_lives_and_is_not_ready(environ):
    from monolith.app import create_app
    from monolith.config import parse

    client = create_app(parse({**environ, "DATABASE_URL": "postgresql://a:b@127.0.0.1:1/c"})).test_client()

    assert client.get("/health/live").status_code == 200
    assert kind(client.get("/health/ready")) == (503, "unavailable")
    assert "database" in client.get("/health/ready").json["detail"]
    assert client.get("/api/events").headers["Retry-After"]


def test_a_fault_of_ours_shows_nothing_of_its_cause(client, process, monkeypatch):
    client.application.config["PROPAGATE_EXCEPTIONS"] = False
    monkeypatch.setattr(process.db, "reading", lambda: 1 / 0)

    answer = client.get("/api/events")

    assert kind(answer) == (500, "internal-error")
    assert "division" not in answer.text
