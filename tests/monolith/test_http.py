import json

import pytest

JSON = {"Content-Type": "application/json"}


@pytest.fixture
def organiser(sign_up):
    return sign_up("olga", role="organiser")


def refusal(answer):
    assert answer.content_type == "application/problem+json"
    assert answer.json["status"] == answer.status_code
    assert {"type", "title", "detail"} <= set(answer.json)
    return answer.status_code, answer.json["type"]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b'"a"',
        b"null",
        b"NaN",
        b'{"a": Infinity}',
        b"\xff",
        b"[" * 60_000,
        b'{"a":' * 10_000,
    ],
)
def test_anything_but_a_json_object_is_malformed(client, body):
    assert refusal(client.post("/api/events", data=body, headers=JSON)) == (400, "malformed")


def test_a_body_that_is_not_json_is_refused(client):
    assert refusal(
        client.post("/api/events", data=b"{}", headers={"Content-Type": "text/plain"})
    ) == (415, "unsupported-media-type")


def test_a_body_over_64_kib_is_refused(client):
    assert refusal(
        client.post("/api/events", data=json.dumps({"a": "x" * 70_000}), headers=JSON)
    ) == (413, "too-large")


def test_the_body_is_checked_before_the_session(client):
    assert refusal(client.post("/api/events", data=b"{", headers=JSON)) == (400, "malformed")
    assert refusal(client.post("/api/events", json={})) == (401, "not-signed-in")


def test_the_session_is_checked_before_the_origin(client, fan):
    foreign = {"Origin": "https://elsewhere.example"}

    assert refusal(client.post("/api/events", json={}, headers=foreign)) == (401, "not-signed-in")
    assert refusal(fan.post("/api/events", json={}, headers=foreign)) == (403, "foreign-origin")
    assert refusal(fan.post("/api/events", json={})) == (403, "forbidden")


@pytest.mark.parametrize(
    "origin",
    [
        "https://elsewhere.example",
        "null",
        "https://localhost",
        "http://localhost:81",
        "http://localhost.elsewhere.example",
        "http://[",
        "",
    ],
)
def test_an_unsafe_method_from_another_origin_is_refused(fan, origin):
    assert refusal(fan.post("/api/events", json={}, headers={"Origin": origin})) == (
        403,
        "foreign-origin",
    )


def test_own_origin_may_write_and_any_may_read(organiser):
    own, foreign = {"Origin": "http://localhost"}, {"Origin": "https://elsewhere.example"}

    assert refusal(organiser.post("/api/events", json={}, headers=own)) == (422, "invalid")
    assert organiser.get("/api/events", headers=foreign).status_code == 200


@pytest.mark.parametrize("relation", ["cross-site", "same-site", ""])
def test_a_browser_says_that_another_site_sends_the_request(fan, relation):
    headers = {"Sec-Fetch-Site": relation, "Origin": "http://localhost"}

    assert refusal(fan.post("/api/events", json={}, headers=headers)) == (403, "foreign-origin")
    assert fan.get("/api/events", headers=headers).status_code == 200


@pytest.mark.parametrize("relation", ["same-origin", "none"])
def test_a_browser_says_that_this_site_sends_the_request(organiser, relation):
    headers = {"Sec-Fetch-Site": relation, "Origin": "https://tickets.example"}

    assert refusal(organiser.post("/api/events", json={}, headers=headers)) == (422, "invalid")


def test_a_public_origin_stands_for_what_requests_say(environ, organiser):
    from monolith.app import create_app
    from monolith.config import from_environment

    app = create_app(from_environment({**environ, "PUBLIC_ORIGIN": "https://tickets.example"}))
    behind_a_proxy = app.test_client()
    behind_a_proxy.set_cookie("encore_session", organiser.get_cookie("encore_session").value)
    own, inside = {"Origin": "https://tickets.example"}, {"Origin": "http://localhost"}

    admitted = behind_a_proxy.post("/api/events", json={}, headers=own)
    refused = behind_a_proxy.post("/api/events", json={}, headers=inside)
    app.extensions["process"].db.dispose()

    assert refusal(admitted) == (422, "invalid")
    assert refusal(refused) == (403, "foreign-origin")


@pytest.mark.parametrize(
    "path",
    [
        "/api/nothing",
        "/api/events/a%00b",
        "/api/events/a.b",
        "/nothing.html",
        "/../lab",
        "/api/events/",
        "//api/events",
    ],
)
def test_an_unknown_path_is_not_found(client, path):
    assert refusal(client.get(path)) == (404, "not-found")


def test_an_unknown_path_is_not_found_by_post(client):
    assert refusal(client.post("/api/nothing", json={})) == (404, "not-found")


@pytest.mark.parametrize("method", ["PUT", "PATCH", "OPTIONS", "DELETE", "TRACE"])
def test_a_wrong_method_is_answered_with_allowed_methods(client, method):
    answer = client.open("/api/events", method=method)

    assert refusal(answer) == (405, "method-not-allowed")
    assert set(answer.headers["Allow"].split(", ")) == {"GET", "HEAD", "POST"}


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=101",
        "limit=x",
        "limit=",
        "after=x",
        "from=yesterday",
        "q=%00",
        "q=" + "x" * 201,
    ],
)
def test_a_wrong_query_parameter_is_named(client, query):
    refused = client.get(f"/api/events?{query}")

    assert refusal(refused) == (422, "invalid")
    assert [error["field"] for error in refused.json["errors"]] == [query.split("=")[0]]


def test_every_api_route_declares_its_access(app):
    rules = [
        rule
        for rule in app.url_map.iter_rules()
        if rule.rule.startswith("/api/") and rule.rule != "/api/openapi.json"
    ]

    assert [
        rule.rule
        for rule in rules
        if not hasattr(app.view_functions[rule.endpoint], "needs_caller")
    ] == []


def test_an_answer_names_its_request_and_process(client):
    assert (
        client.get("/api/events", headers={"X-Request-Id": "abc-1"}).headers["X-Request-Id"]
        == "abc-1"
    )
    assert (
        client.get("/api/events", headers={"X-Request-Id": "a b"}).headers["X-Request-Id"] != "a b"
    )
    assert client.get("/api/events").headers["X-Served-By"] == "web"


def test_a_process_without_its_database_is_not_ready(environ):
    from monolith.app import create_app
    from monolith.config import from_environment

    client = create_app(
        from_environment({**environ, "DATABASE_URL": "postgresql://a:b@127.0.0.1:1/c"})
    ).test_client()

    assert client.get("/health/live").status_code == 200
    assert refusal(client.get("/health/ready")) == (503, "unavailable")
    assert "database" in client.get("/health/ready").json["detail"]
    assert client.get("/api/events").headers["Retry-After"]


def test_an_internal_error_does_not_show_its_cause(client, process, monkeypatch):
    client.application.config["PROPAGATE_EXCEPTIONS"] = False
    monkeypatch.setattr(process.db.catalog, "reading", lambda: 1 / 0)

    answer = client.get("/api/events")

    assert refusal(answer) == (500, "internal-error")
    assert "division" not in answer.text
