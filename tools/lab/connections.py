"""HTTP from many threads over kept connections, where nothing is ever asked twice."""

import http.client
import json
import time
import urllib.parse
from dataclasses import dataclass

KEPT = 2.0  # seconds that a connection may be idle: less than any server of ours keeps it, lest it closes just as we send


@dataclass
class Answer:
    """What came back, and when the request had been sent; status is None where nobody answered."""

    status: int | None = None
    text: bytes = b""
    cookie: str = ""
    sent: float = 0.0

    @property
    def json(self):
        try:
            return json.loads(self.text)
        except ValueError:
            return {}


class Connections:
    """As many connections to one address as are needed at once; the one used last is used next."""

    def __init__(self, url, *, timeout=10.0):
        self.address, self.timeout = urllib.parse.urlsplit(url).netloc, timeout
        self.idle, self.made = [], 0

    def ask(self, method, path, body=None, cookie=""):
        connection, sent = self._take(), 0.0
        headers = {**({"Cookie": cookie} if cookie else {}), **({} if body is None else {"Content-Type": "application/json"})}
        try:
            connection.request(method, path, None if body is None else json.dumps(body).encode(), headers)
            sent = time.monotonic()
            response = connection.getresponse()
            text = response.read()
        except (OSError, http.client.HTTPException):
            connection.close()
            return Answer(sent=sent or time.monotonic())
        self.idle.append((time.monotonic(), connection))
        return Answer(response.status, text, (response.headers.get("Set-Cookie") or "").split(";")[0], sent)

    def _take(self):
        while True:
            try:
                since, connection = self.idle.pop()
            except IndexError:
                self.made += 1
                return http.client.HTTPConnection(self.address, timeout=self.timeout)
            if time.monotonic() - since < KEPT:
                return connection
            connection.close()

    def close(self):
        """Close those that are idle."""
        while self.idle:
            self.idle.pop()[1].close()
