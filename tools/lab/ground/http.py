"""The HTTP client of the lab: connections that many threads share, and a client that keeps a
cookie. No request is repeated."""

import http.client
import json
import time
import urllib.parse
from dataclasses import dataclass, field
from functools import cached_property

# seconds that a connection may be idle: less than our servers keep it, so that none is closed while
# we send
KEPT = 2.0


@dataclass
class Answer:
    """An HTTP answer, and the moment at which its request had been sent; status is None if no
    answer came."""

    status: int | None = None
    body: bytes = b""
    headers: dict = field(default_factory=dict)
    cookie: str = ""
    sent: float = 0.0

    @property
    def text(self):
        return self.body.decode()

    @cached_property
    def json(self):
        """The decoded body; an empty object if it is not JSON."""
        return loads(self.body)


class Connections:
    """As many connections to one address as are needed at once; the one used last is used next.
    With kept=0 each request has a new one."""

    def __init__(self, url, *, timeout=10.0, kept=KEPT):
        self.address = urllib.parse.urlsplit(url).netloc
        self.timeout = timeout
        self.kept = kept
        self.idle = []
        self.made = 0

    def ask(self, method, path, body=None, cookie="", headers=None):
        """The answer to a request, with body sent as JSON."""
        sent, connection = 0.0, self._take()
        headers = {
            **({"Cookie": cookie} if cookie else {}),
            **(headers or {}),
            **({} if body is None else {"Content-Type": "application/json"}),
        }
        try:
            connection.request(method, path, None if body is None else dumps(body), headers)
            sent = time.monotonic()
            response = connection.getresponse()
            content = response.read()
        except (OSError, http.client.HTTPException):
            connection.close()
            return Answer(sent=sent or time.monotonic())
        self._keep(connection)
        cookies = response.headers.get_all("Set-Cookie", [""])
        return Answer(
            response.status, content, dict(response.headers), cookies[-1].split(";")[0], sent
        )

    def _take(self):
        while True:
            try:
                since, connection = self.idle.pop()
            except IndexError:
                self.made += 1
                return http.client.HTTPConnection(self.address, timeout=self.timeout)
            if time.monotonic() - since < self.kept:
                return connection
            connection.close()

    def _keep(self, connection):
        if self.kept:
            self.idle.append((time.monotonic(), connection))
        else:
            connection.close()

    def close(self):
        """Close the idle connections."""
        while self.idle:
            self.idle.pop()[1].close()


class Client:
    """Sends requests to one address, with the cookie that it was given; each on a connection of its
    own unless kept is more than 0."""

    def __init__(self, url, *, kept=0.0):
        self.connections = Connections(url, timeout=60, kept=kept)
        self.cookie = None

    def request(self, method, path, json=None, headers=None):
        answer = self.connections.ask(method, path, json, self.cookie, headers)
        self.cookie = answer.cookie or self.cookie
        return answer


def dumps(value):
    return json.dumps(value).encode()


def loads(text):
    try:
        return json.loads(text)
    except ValueError:
        return {}


def as_object(text):
    """The JSON object in a text; an empty one for anything else."""
    value = loads(text)
    return value if isinstance(value, dict) else {}
