"""What the facade lets through, what it adds and takes away, and whom it asks."""

import threading
from concurrent.futures import ThreadPoolExecutor


def test_headers_about_the_way_are_its_own_and_hop_by_hop_ones_end_here(facade):
    claimed = ["X-Forwarded-For: 6.6.6.6", "X-Forwarded-Host: evil", "X-Forwarded-Proto: https", "Forwarded: for=6.6.6.6", "X-Real-Ip: 6.6.6.6"]
    hops = ["X-Served-By: me", "Keep-Alive: 5", "Connection: X-Secret", "X-Secret: 1", "TE: trailers", "Upgrade: h2c"]

    status, _, body = facade.get(headers=claimed + hops)

    arrived = body["headers"]
    assert status == 200
    assert (arrived["x-forwarded-for"], arrived["x-forwarded-host"], arrived["x-forwarded-proto"]) == ("127.0.0.1", "encore.example", "http")
    assert arrived["host"] == "encore.example"
    assert arrived.keys().isdisjoint({"forwarded", "x-real-ip", "x-served-by", "keep-alive", "x-secret", "upgrade", "te"})


def test_a_request_has_one_id_all_the_way(facade):
    _, headers, body = facade.get(headers=["X-Request-Id: my-own_1"])
    assert headers["X-Request-Id"] == body["headers"]["x-request-id"] == "my-own_1"

    _, headers, body = facade.get(headers=["X-Request-Id: {env.HOME} not one of ours"])
    assert headers["X-Request-Id"] == body["headers"]["x-request-id"]
    assert len(headers["X-Request-Id"]) == 36


def test_what_a_server_alone_would_let_through_is_refused(facade, behind):
    assert facade.raw(b"GET /api/events HTTP/1.1\r\nConnection: close\r\n\r\n").startswith("HTTP/1.1 400")
    assert facade.get(method="TRACE")[0] == 405
    assert facade.get(method="CONNECT")[0] == 405
    assert facade.raw(b"GET /api/events HTTP/1.1\r\nHost: a\r\nX-Large: " + b"x" * 64_000 + b"\r\n\r\n").startswith("HTTP/1.1 431")
    assert behind[0].seen == behind[1].seen == []


def test_a_body_arrives_with_a_length_whatever_was_claimed_so_nothing_can_be_smuggled_behind_it(facade, behind):
    smuggled = b"0\r\n\r\nGET /api/smuggled HTTP/1.1\r\nHost: a\r\n\r\n"
    head = b"POST /api/sessions HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: %d\r\nTransfer-Encoding: chunked\r\n\r\n"

    facade.raw(head % len(smuggled) + smuggled)

    assert [request for server in behind for request in server.seen] == [("POST", "/api/sessions", "")]


def test_a_body_that_is_too_large_goes_no_further(facade, behind):
    assert facade.get(method="POST", body="x" * 65_536)[0] == 200
    behind[0].seen.clear(), behind[1].seen.clear()

    status, _, problem = facade.get(method="POST", body="x" * 65_537)
    endless = facade.raw(b"POST /api/sessions HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 3000000\r\n\r\n" + b"x" * 3_000_000)

    assert (status, problem["type"]) == (413, "too-large")
    assert endless == "" or endless.startswith("HTTP/1.1 413")  # it hangs up before it has read all, so the answer may not get through
    assert behind[0].seen == behind[1].seen == []


def test_a_client_that_dawdles_is_hung_up_on_and_reaches_nobody(facade, behind):
    head = b"POST /api/sessions HTTP/1.1\r\nHost: a\r\n"
    with ThreadPoolExecutor() as threads:
        half_a_head, no_body = threads.map(facade.raw, [head, head + b"Connection: close\r\nContent-Length: 100\r\n\r\nbegun"])

    assert half_a_head == ""
    assert no_body == "" or no_body.startswith(("HTTP/1.1 4", "HTTP/1.1 503"))
    assert behind[0].seen == behind[1].seen == []


def test_pages_are_served_here_and_nothing_else_of_the_checkout(facade, behind):
    page = facade.raw(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")

    assert "<title>" in page
    assert "Content-Security-Policy: default-src 'self'" in page
    for path in ("/nothing.html", "/../Procfile", "/%2e%2e/Procfile", "/health/ready", "/health/live"):
        assert facade.get(path=path)[0] == 404, path
    assert facade.get(path="/index.html", method="POST")[0] == 405
    assert behind[0].seen == behind[1].seen == []


def test_a_request_without_an_answer_is_repeated_only_if_it_may_be(facade, behind):
    status, _, body = facade.get(method="POST", path="/api/bookings", headers=["X-Then: hang-up"])
    posts = [request for server in behind for request in server.seen]
    behind[0].seen.clear(), behind[1].seen.clear()
    behind[0].shutdown(), behind[0].server_close()
    answers = [facade.get()[0] for _ in range(8)]

    assert (status, body["type"]) == (503, "unavailable")
    assert len(posts) == 1
    assert answers == [200] * 8


def test_an_instance_that_is_not_ready_gets_nothing_until_it_is(facade, behind, eventually):
    behind[0].ready = False
    eventually(lambda: {facade.get()[2]["served_by"] for _ in range(6)} == {behind[1].server_port})

    behind[0].ready = True

    eventually(lambda: {facade.get()[2]["served_by"] for _ in range(6)} == {server.server_port for server in behind})


def test_a_request_waits_for_an_instance_to_come_back(facade, behind, eventually):
    for server in behind:
        server.ready = False
    asked = []
    asker = threading.Thread(target=lambda: asked.extend(facade.get()[0] for _ in range(200)), daemon=True)

    asker.start()
    eventually(lambda: (before := len(asked)) < 200 and not asker.join(0.5) and len(asked) == before)
    behind[1].ready = True
    asker.join(30)

    assert asked == [200] * 200


def test_reloading_fails_no_request(facade):
    failed, done = [], threading.Event()

    def ask():
        while not done.is_set():
            try:
                status = facade.get()[0]
            except ValueError:  # a connection that was not accepted yet when its listener was closed: nobody has seen the request
                status = facade.get()[0]
            if status != 200:
                failed.append(status)

    askers = [threading.Thread(target=ask) for _ in range(4)]
    for asker in askers:
        asker.start()
    for _ in range(5):
        facade.reload()
        assert facade.get()[0] == 200
    done.set()
    for asker in askers:
        asker.join(20)

    assert failed == []
