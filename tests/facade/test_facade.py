"""Requests that the facade forwards, changes, refuses and repeats."""

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress


def test_the_facade_sets_forwarded_headers_and_drops_others(facade):
    claimed = [
        "X-Forwarded-For: 6.6.6.6",
        "X-Forwarded-Host: evil",
        "X-Forwarded-Proto: https",
        "Forwarded: for=6.6.6.6",
        "X-Real-Ip: 6.6.6.6",
    ]
    hops = [
        "X-Served-By: me",
        "Keep-Alive: 5",
        "Connection: X-Secret",
        "X-Secret: 1",
        "TE: trailers",
        "Upgrade: h2c",
    ]

    status, _, body = facade.get(headers=claimed + hops)

    arrived = body["headers"]
    assert status == 200
    assert (
        arrived["x-forwarded-for"],
        arrived["x-forwarded-host"],
        arrived["x-forwarded-proto"],
    ) == ("127.0.0.1", "encore.example", "http")
    assert arrived["host"] == "encore.example"
    assert arrived.keys().isdisjoint(
        {"forwarded", "x-real-ip", "x-served-by", "keep-alive", "x-secret", "upgrade", "te"}
    )


def test_a_request_keeps_one_id_throughout(facade):
    _, headers, body = facade.get(headers=["X-Request-Id: my-own_1"])
    assert headers["X-Request-Id"] == body["headers"]["x-request-id"] == "my-own_1"

    _, headers, body = facade.get(headers=["X-Request-Id: {env.HOME} not one of ours"])
    assert headers["X-Request-Id"] == body["headers"]["x-request-id"]
    assert len(headers["X-Request-Id"]) == 36


def test_malformed_requests_are_refused_by_the_facade(facade, backends):
    assert facade.raw(b"GET /api/events HTTP/1.1\r\nConnection: close\r\n\r\n").startswith(
        "HTTP/1.1 400"
    )
    assert facade.get(method="TRACE")[0] == 405
    assert facade.get(method="CONNECT")[0] == 405
    assert facade.raw(b"nonsense\r\n\r\n").startswith("HTTP/1.1 400")
    assert facade.raw(b"GET /api/events HTTP/3.0\r\nHost: a\r\n\r\n").startswith("HTTP/1.1 505")
    assert facade.raw(
        b"GET /api/events HTTP/1.1\r\nHost: a\r\nX-Large: " + b"x" * 2_000_000 + b"\r\n\r\n"
    ).startswith("HTTP/1.1 431")
    assert backends[0].seen == backends[1].seen == []


def test_no_second_request_hides_in_a_chunked_body(facade, backends):
    smuggled = b"0\r\n\r\nGET /api/smuggled HTTP/1.1\r\nHost: a\r\n\r\n"
    head = (
        b"POST /api/sessions HTTP/1.1\r\nHost: a\r\nConnection: close\r\n"
        b"Content-Length: %d\r\nTransfer-Encoding: chunked\r\n\r\n"
    )

    facade.raw(head % len(smuggled) + smuggled)

    assert [request for server in backends for request in server.seen] == [
        ("POST", "/api/sessions", "")
    ]


def test_a_large_body_is_stopped_at_the_facade(facade, backends):
    assert facade.get(method="POST", body="x" * 65_536)[0] == 200
    backends[0].seen.clear(), backends[1].seen.clear()

    status, _, problem = facade.get(method="POST", body="x" * 65_537)
    endless = facade.raw(
        b"POST /api/sessions HTTP/1.1\r\nHost: a\r\nConnection: close\r\n"
        b"Content-Length: 3000000\r\n\r\n" + b"x" * 3_000_000
    )

    assert (status, problem["type"]) == (413, "too-large")
    assert endless == "" or endless.startswith(
        "HTTP/1.1 413"
    )  # it closes the connection early, so the answer may be lost
    assert backends[0].seen == backends[1].seen == []


def test_a_slow_client_is_disconnected_by_the_facade(facade, backends):
    head = b"POST /api/sessions HTTP/1.1\r\nHost: a\r\n"
    with ThreadPoolExecutor() as threads:
        half_a_head, no_body = threads.map(
            facade.raw, [head, head + b"Connection: close\r\nContent-Length: 100\r\n\r\nbegun"]
        )

    assert half_a_head == ""
    assert no_body == "" or no_body.startswith(("HTTP/1.1 4", "HTTP/1.1 503"))
    assert backends[0].seen == backends[1].seen == []


def test_only_the_pages_of_web_are_served(facade, backends):
    page = facade.raw(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")

    assert "<title>" in page
    assert "Content-Security-Policy: default-src 'self'" in page
    for path in (
        "/nothing.html",
        "/../Procfile",
        "/%2e%2e/Procfile",
        "/health/ready",
        "/health/live",
    ):
        assert facade.get(path=path)[0] == 404, path
    assert facade.get(path="/index.html", method="POST")[0] == 405
    assert backends[0].seen == backends[1].seen == []


def test_only_safe_requests_without_an_answer_are_repeated(facade, backends):
    status, _, body = facade.get(method="POST", path="/api/bookings", headers=["X-Then: hang-up"])
    posts = [request for server in backends for request in server.seen]
    backends[0].seen.clear(), backends[1].seen.clear()
    backends[0].shutdown(), backends[0].server_close()
    answers = [facade.get()[0] for _ in range(8)]

    assert (status, body["type"]) == (502, "outcome-unknown")
    assert "Idempotency-Key" in body["detail"]
    assert len(posts) == 1
    assert answers == [200] * 8


def test_an_unsafe_request_that_reached_nobody_is_unavailable(facade, backends):
    for server in backends:
        server.shutdown(), server.server_close()

    status, headers, body = facade.get(method="POST", path="/api/bookings")

    assert (status, body["type"]) == (503, "unavailable")
    assert headers["Retry-After"]
    assert backends[0].seen == backends[1].seen == []


def test_nobody_knows_the_outcome_of_an_answer_that_is_late(impatient_facade, backends):
    late = ["X-Then: be-late"]

    written = impatient_facade.get(method="POST", path="/api/bookings", headers=late)
    removed = impatient_facade.get(method="DELETE", path="/api/holds/a", headers=late)
    unsafe = backends[0].seen + backends[1].seen
    read = impatient_facade.get(headers=late)

    assert (written[0], written[2]["type"]) == (502, "outcome-unknown")
    assert (removed[0], removed[2]["type"]) == (502, "outcome-unknown")
    assert (read[0], read[2]["type"]) == (503, "unavailable")
    assert len(unsafe) == 2


def test_instances_get_requests_only_while_ready(facade, backends, eventually):
    backends[0].ready = False
    eventually(
        lambda: {facade.get()[2]["served_by"] for _ in range(6)} == {backends[1].server_port}
    )

    backends[0].ready = True

    eventually(
        lambda: (
            {facade.get()[2]["served_by"] for _ in range(6)}
            == {server.server_port for server in backends}
        )
    )


def test_requests_wait_for_an_instance_to_return(facade, backends, eventually):
    statuses, done = [], threading.Event()

    def send_requests():
        while not done.is_set():
            statuses.append(facade.get()[0])

    def is_waiting():
        before = len(statuses)
        client.join(0.5)
        return len(statuses) == before

    for server in backends:
        server.ready = False
    client = threading.Thread(target=send_requests, daemon=True)

    client.start()
    eventually(is_waiting)
    answered = len(statuses)
    backends[1].ready = True
    eventually(lambda: len(statuses) > answered)
    done.set()
    client.join(30)

    assert set(statuses) == {200}


def test_reloading_fails_no_request(facade):
    failed, done = [], threading.Event()

    def status():
        """The status of an answer; no server sees what the old listener has not accepted."""
        while True:
            with suppress(ValueError):
                return facade.get()[0]

    def send_requests():
        while not done.is_set():
            if (answer := status()) != 200:
                failed.append(answer)

    clients = [threading.Thread(target=send_requests) for _ in range(4)]
    for client in clients:
        client.start()
    for _ in range(5):
        facade.reload()
        assert status() == 200
    done.set()
    for client in clients:
        client.join(20)

    assert failed == []
