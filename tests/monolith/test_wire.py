"""Requests as bytes, sent to the shop's address: each refusal is a problem document."""

import json
import socket
from contextlib import suppress
from urllib.parse import urlsplit

import pytest

HEAD = (
    b"POST /api/accounts HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
    b"Content-Type: application/json\r\n"
)
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
GOOD = b'{"email": "wire@encore.example", "password": "correct horse", "name": "Wire"}'


@pytest.fixture
def send(shared_encore):
    """A function: send bytes to the shop and return (status, type of the problem)."""
    return sender(urlsplit(shared_encore.url).port)


@pytest.fixture
def send_to_web(shared_encore):
    """The same, to the process that users do not reach once there is a facade."""
    return sender(shared_encore.system.supervisor.find("web").port)


def sender(port):
    def send(request):
        answer = b""
        with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
            with suppress(ConnectionError):  # the rest of a request may not be read
                connection.sendall(request)
            with suppress(ConnectionError):
                while more := connection.recv(65_536):
                    answer += more
        head, _, body = answer.decode().partition("\r\n\r\n")
        assert "Content-Type: application/problem+json" in head.split("\r\n"), answer
        problem = json.loads(body)
        assert problem["status"] == int(head.split()[1])
        return problem["status"], problem["type"]

    return send


def get(path="/api/events", *headers):
    lines = [f"GET {path} HTTP/1.1", "Host: localhost", "Connection: close", *headers, "", ""]
    return "\r\n".join(lines).encode()


def chunk(data):
    return b"%x\r\n%s\r\n" % (len(data), data)


def test_an_address_that_is_too_long_is_refused(send):
    assert send(get("/api/events?q=" + "x" * 9000)) == (414, "address-too-long")


def test_the_longest_search_is_a_request_like_others(send):
    longest = "%F0%9F%98%80" * 200  # 200 characters of four bytes each

    assert send(get(f"/api/events?q={longest}&city={longest}&limit=0")) == (422, "invalid")


def test_a_header_that_is_too_large_is_refused(send):
    assert send(get("/api/events", f"Cookie: a={'x' * 9000}")) == (431, "headers-too-large")


def test_too_many_headers_are_refused(send):
    many = [f"X-Number-{number}: 1" for number in range(100)]

    assert send(get("/api/events", *many)) == (431, "headers-too-large")


@pytest.mark.parametrize(
    "body",
    [
        b"xyz\r\n{}\r\n0\r\n\r\n",
        b"-2\r\n{}\r\n0\r\n\r\n",
        b"2\r\n{}0\r\n\r\n",
        b"2 2\r\n{}\r\n0\r\n\r\n",
        b"0x2\r\n{}\r\n0\r\n\r\n",
        b"\r\n{}\r\n0\r\n\r\n",
        b"2;" + b"x" * 20_000 + b"\r\n{}\r\n0\r\n\r\n",
        chunk(GOOD) + b"0\r\nbad trailer\r\n\r\n",
        chunk(GOOD) + b"0\r\n" + b"X-Trailer: " + b"x" * 9000 + b"\r\n\r\n",
        chunk(GOOD) + b"zz\r\n\r\n",
    ],
    ids=lambda body: body[:12].decode() + body[-20:].decode(),
)
def test_chunks_that_cannot_be_read_are_malformed(send, body):
    assert send(CHUNKED + body) == (400, "malformed")


@pytest.mark.parametrize("size", [1, 1000, 70_000])
def test_a_large_body_in_chunks_is_refused(send, size):
    spaces = (65_537 - len(GOOD)) // size + 1

    assert send(CHUNKED + chunk(GOOD) + chunk(b" " * size) * spaces + b"0\r\n\r\n") == (
        413,
        "too-large",
    )


def test_an_enormous_chunk_is_refused(send):
    answer = send(CHUNKED + b"f" * 17 + b"\r\n" + b" " * 70_000)

    assert answer in [(400, "malformed"), (413, "too-large")]


def test_the_largest_body_in_chunks_is_read(send):
    wrong = json.dumps({"name": "x" * 60_000}).encode().ljust(65_536)

    assert send(CHUNKED + chunk(wrong[:30_000]) + chunk(wrong[30_000:]) + b"0\r\n\r\n") == (
        422,
        "invalid",
    )


@pytest.mark.parametrize(
    "request_line",
    [
        b"nonsense",
        b"GET /api/events",
        b"GET  /api/events HTTP/1.1",
        b"get /api/events HTTP/1.1",
        b"GET /api/\xc3\xa9 HTTP/1.1",
        b"GET /api/events HTTP/3.0",
    ],
)
def test_a_line_that_is_no_request_is_malformed(send_to_web, request_line):
    assert send_to_web(request_line + b"\r\nHost: localhost\r\n\r\n") == (400, "malformed")


@pytest.mark.parametrize(
    "headers",
    [
        b"Host: localhost\r\nHost: localhost\r\n",
        b"Host: localhost\r\nno colon\r\n",
        b"Host: localhost\r\nbad name: 1\r\n",
        b"Host: localhost\r\nX-Fold: a\r\n b\r\n",
        b"Host: localhost\r\nX-Null: \0\r\n",
        b"Host: localhost\r\nContent-Length: -1\r\n",
        b"Host: localhost\r\nTransfer-Encoding: gzip\r\n",
    ],
)
def test_headers_that_cannot_be_read_are_malformed(send_to_web, headers):
    request = b"GET /api/events HTTP/1.1\r\n" + headers + b"\r\n"

    assert send_to_web(request) == (400, "malformed")
