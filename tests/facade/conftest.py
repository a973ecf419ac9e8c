"""The facade alone, in front of small servers that return the request they received."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tools.lab.ground.tree import HERE
from tools.lab.ground.waiting import eventually, free_port, is_listening
from tools.lab.system.processes import kill_group
from tools.lab.system.system import expand


class Echo(BaseHTTPRequestHandler):
    """Returns the request it received.

    With X-Then: hang-up it closes the connection instead, with X-Then: be-late it never answers."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        if self.path == "/health/ready":
            return self._answer(200 if self.server.ready else 503, {})
        self.server.seen.append((self.command, self.path, body))
        if self.headers.get("X-Then") == "hang-up":
            self.close_connection = True
            return None
        if self.headers.get("X-Then") == "be-late":
            self.rfile.read(1)  # until the facade gives up
            return None
        headers = {name.lower(): value for name, value in self.headers.items()}
        return self._answer(
            200, {"served_by": self.server.server_port, "headers": headers, "body": body}
        )

    do_POST = do_DELETE = do_PATCH = do_HEAD = do_GET

    def _answer(self, status, body):
        text = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(text)

    def log_message(self, *words):
        pass


class Server(ThreadingHTTPServer):
    daemon_threads, request_queue_size = True, 128

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Echo)
        self.seen, self.ready = [], True
        threading.Thread(target=self.serve_forever, args=[0.05], daemon=True).start()

    def handle_error(self, request, client_address):
        pass


@pytest.fixture
def backends():
    """Two servers for the facade; .seen lists the requests that each received."""
    servers = [Server(), Server()]
    yield servers
    for server in servers:
        server.shutdown()
        server.server_close()


class Facade:
    def __init__(self, port, process):
        self.port, self.process = port, process

    def raw(self, text):
        """The text that the facade returns for these bytes until it closes or resets the
        connection; ConnectionRefusedError if it does not run."""
        answer = b""
        with (
            suppress(ConnectionResetError, BrokenPipeError),
            socket.create_connection(("127.0.0.1", self.port), timeout=20) as connection,
        ):
            connection.sendall(text)
            while more := connection.recv(65536):
                answer += more
        return answer.decode()

    def get(self, path="/api/events", headers=(), method="GET", body=""):
        """(status, headers, body) of the answer; ValueError without an answer."""
        lines = [
            f"{method} {path} HTTP/1.1",
            "Host: encore.example",
            "Connection: close",
            f"Content-Length: {len(body)}",
            *headers,
            "",
            body,
        ]
        head, _, text = self.raw("\r\n".join(lines).encode()).partition("\r\n\r\n")
        status, *named = head.split("\r\n")
        if not status:
            raise ValueError("no answer")
        return (
            int(status.split()[1]),
            dict(line.split(": ", 1) for line in named),
            json.loads(text or "null"),
        )

    def reload(self):
        self.process.send_signal(signal.SIGUSR1)


@pytest.fixture
def facade(backends, tmp_path):
    with running(backends, tmp_path, HERE.procfile()["facade"]) as facade:
        yield facade


@pytest.fixture
def impatient_facade(backends, tmp_path):
    """The same facade, which waits for an answer for a second only."""
    config = (HERE.path / "facade" / "Caddyfile").read_text()
    impatient = re.sub("response_header_timeout .*", "response_header_timeout 1s", config)
    (tmp_path / "Caddyfile").write_text(impatient)
    (tmp_path / "routes").write_text((HERE.path / "facade" / "routes").read_text())
    paths = {"facade/Caddyfile": str(tmp_path / "Caddyfile")}
    command = [paths.get(word, word) for word in HERE.procfile()["facade"]]
    with running(backends, tmp_path, command) as facade:
        yield facade


@contextmanager
def running(backends, folder, command):
    """A facade in front of these servers, started with this command."""
    port = free_port()
    upstreams = " ".join(f"127.0.0.1:{server.server_port}" for server in backends)
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    settings = {
        "PATH": path,
        "PORT": str(port),
        "WEB_UPSTREAMS": upstreams,
        "ACCOUNTS_WEB_UPSTREAMS": upstreams,
        "BOOKINGS_WEB_UPSTREAMS": upstreams,
        "PAYMENTS_WEB_UPSTREAMS": upstreams,
        "RECOMMENDATIONS_WEB_UPSTREAMS": upstreams,
        "ADMIN_SOCKET": os.path.relpath(folder / "s", HERE.path),
    }
    environment = {**os.environ, **settings}
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            expand(command, environment),
            cwd=HERE.path,
            env=environment,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    eventually(lambda: is_listening(port), within=20)
    yield Facade(port, process)
    kill_group(process.pid)
    process.wait()
