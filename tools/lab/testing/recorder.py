"""A proxy that notes which operations of the contract were asked for through it, and with which
status they were answered."""

import http.client
import re
import threading
import urllib.parse
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import yaml

from tools.lab.ground.tree import HERE

METHODS = ("get", "post", "put", "patch", "delete")
HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding"}


def contract():
    """{(method, path, status)}: every answer of the API that docs/openapi.yaml promises."""
    paths = yaml.load((HERE.path / "docs" / "openapi.yaml").read_text(), yaml.CSafeLoader)["paths"]  # noqa: S506 - it is a safe loader
    operations = [
        (method, path, each)
        for path, methods in paths.items()
        for method, each in methods.items()
        if method in METHODS
    ]
    return {
        (method.upper(), path, int(status))
        for method, path, each in operations
        if path.startswith("/api/")
        for status in each["responses"]
    }


@contextmanager
def recording(target):
    """(the address of a proxy before target, the set that it notes (method, path, status) in)"""
    templates = {path: re.compile(re.sub(r"\{\w+\}", "[^/]+", path)) for _, path, _ in contract()}
    seen = set()

    class Recorder(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            headers = {
                name: value
                for name, value in self.headers.items()
                if name.lower() not in HOP_BY_HOP
            }
            with closing(
                http.client.HTTPConnection(urllib.parse.urlsplit(target).netloc, timeout=60)
            ) as connection:
                connection.request(self.command, self.path, body, headers)
                answer = connection.getresponse()
                self._note(answer.status)
                self._pass_on(answer, answer.read())

        do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_GET

        def _note(self, status):
            path = self.path.partition("?")[0]
            seen.update(
                (self.command, template, status)
                for template, pattern in templates.items()
                if pattern.fullmatch(path)
            )

        def _pass_on(self, answer, body):
            self.send_response(answer.status)
            for name, value in answer.getheaders():
                if name.lower() not in HOP_BY_HOP | {"date", "server"}:
                    self.send_header(name, value)
            self.send_header("Connection", "close")
            self.end_headers()
            self.wfile.write(body)
            self.close_connection = True

        def log_message(self, *words):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Recorder) as server:
        threading.Thread(target=server.serve_forever, args=[0.05], daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", seen
        server.shutdown()
