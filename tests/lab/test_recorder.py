"""The recording proxy before a stub of the shop, which says what it was asked."""

import http.client
import json
import threading
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tools.lab.testing import recorder


class Stub(BaseHTTPRequestHandler):
    """Answers with the status that X-Wanted names, two cookies, and what it was sent."""

    def do_GET(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        said = json.dumps(
            {
                "method": self.command,
                "path": self.path,
                "host": self.headers["Host"],
                "cookie": self.headers["Cookie"],
                "body": body,
            }
        ).encode()
        status = int(self.headers["X-Wanted"])
        self.send_response(status)
        self.send_header("Set-Cookie", "one=1")
        self.send_header("Set-Cookie", "two=2")
        if status != 204:
            self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        if self.command != "HEAD" and status != 204:
            self.wfile.write(said)

    do_HEAD = do_POST = do_DELETE = do_GET

    def log_message(self, *words):
        pass


@pytest.fixture
def proxy():
    """(what asks through the proxy and answers (status, cookies, text), what the proxy has noted,
    its host and port)"""
    with ThreadingHTTPServer(("127.0.0.1", 0), Stub) as stub:
        threading.Thread(target=stub.serve_forever, args=[0.05], daemon=True).start()
        with recorder.recording(f"http://127.0.0.1:{stub.server_port}") as (url, seen):
            host = urllib.parse.urlsplit(url).netloc

            def ask(method, path, wanted=200, body=None, **headers):
                connection = http.client.HTTPConnection(host, timeout=10)
                connection.request(method, path, body, {"X-Wanted": str(wanted), **headers})
                answer = connection.getresponse()
                text = answer.read().decode()
                connection.close()
                return answer.status, answer.headers.get_all("Set-Cookie"), text

            yield ask, seen, host
        stub.shutdown()


def test_what_passes_is_noted_with_the_contracts_own_path(proxy):
    ask, seen, _ = proxy

    ask("GET", "/api/events/abc?limit=1")
    ask("GET", "/api/accounts/me", 401)
    ask("POST", "/api/bookings/abc/cancellation", 202)
    ask("DELETE", "/api/holds/abc", 204)

    assert seen == {
        ("GET", "/api/events/{id}", 200),
        ("GET", "/api/accounts/me", 401),
        ("POST", "/api/bookings/{id}/cancellation", 202),
        ("DELETE", "/api/holds/{id}", 204),
    }


def test_what_the_contract_does_not_name_passes_unnoted(proxy):
    ask, seen, _ = proxy

    assert ask("GET", "/api/events/a/b", 404)[0] == ask("GET", "/health/ready", 404)[0] == 404
    assert seen == set()


def test_requests_and_answers_pass_as_they_are(proxy):
    ask, _, host = proxy

    status, cookies, text = ask("POST", "/api/events//%00?q=%25", 422, "{}", Cookie="a=b")

    assert (status, cookies) == (422, ["one=1", "two=2"])
    assert json.loads(text) == {
        "method": "POST",
        "path": "/api/events//%00?q=%25",
        "host": host,
        "cookie": "a=b",
        "body": "{}",
    }
    assert ask("HEAD", "/api/events") == (200, ["one=1", "two=2"], "")
    assert ask("DELETE", "/api/sessions", 204)[2] == ""


def test_the_contract_is_every_answer_of_the_api(contract):
    assert ("POST", "/api/bookings", 201) in contract
    assert ("GET", "/api/venues", 503) in contract
    assert {path.split("/")[1] for _, path, _ in contract} == {"api"}
