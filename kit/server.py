"""Gunicorn serves with threads. What it refuses by itself looks like every other refusal."""

import signal
import threading
from contextlib import suppress

from gunicorn.http.errors import (
    InvalidResponseHeader,
    InvalidResponseHeaderName,
    LimitRequestHeaders,
    LimitRequestLine,
    ParseException,
)
from gunicorn.util import write_nonblock
from gunicorn.workers.gthread import ThreadWorker

from kit import log

LARGEST_LINE = 8190  # bytes: the first line of a request, and each header
MOST_HEADERS = 100
OUR_FAULT = ("internal-error", "This is our fault, and has been logged.")
REFUSALS = {  # the first that fits an error; without one, it is our fault
    InvalidResponseHeader: OUR_FAULT,
    InvalidResponseHeaderName: OUR_FAULT,
    LimitRequestLine: ("address-too-long", f"It may have {LARGEST_LINE} bytes at most."),
    LimitRequestHeaders: (
        "headers-too-large",
        f"There may be {MOST_HEADERS} of them, with {LARGEST_LINE} bytes each.",
    ),
    ParseException: ("malformed", "This is not a request of HTTP/1.1."),
}


class Worker(ThreadWorker):
    """Answers with a problem where a request does not reach the application."""

    def handle_error(self, req, client, addr, exc):
        # not at the top: gunicorn's first process, which serves nothing, would load Flask as well
        from kit.http import PROBLEMS, problem

        found = (refusal for error, refusal in REFUSALS.items() if isinstance(exc, error))
        kind, detail = next(found, OUR_FAULT)
        if kind == "internal-error":
            self.log.error("unexpected", exc_info=exc)
        status, title = PROBLEMS[kind]
        answer = problem(status, kind, title, detail)
        head = f"HTTP/1.1 {answer.status}\r\nConnection: close\r\n{answer.headers}"
        with suppress(OSError):  # the client may be gone
            write_nonblock(client, head.encode() + answer.data)


def options(settings):
    """Gunicorn's settings for one process with threads; the facade knows all instances."""

    def post_worker_init(worker):
        process = worker.wsgi.extensions["process"]
        signal.signal(signal.SIGTERM, lambda number, frame: _drain(worker, process))

    return {
        "bind": f"{settings.host}:{settings.port}",
        "workers": 1,
        "worker_class": Worker,
        "threads": settings.threads,
        "limit_request_line": LARGEST_LINE,
        "limit_request_field_size": LARGEST_LINE,
        "limit_request_fields": MOST_HEADERS,
        "graceful_timeout": 30,
        "keepalive": 5,
        "control_socket_disable": True,
        "forwarded_allow_ips": "*",  # nobody but the facade can reach this process
        "logconfig_dict": log.config(settings.log_level),
        "post_worker_init": post_worker_init,
    }


def _drain(worker, process):
    """Stop without a failed request: become unready, serve until the facade knows, then stop."""
    if not process.draining:
        process.draining = True
        seconds = process.settings.drain_seconds
        threading.Timer(seconds, worker.handle_exit, [signal.SIGTERM, None]).start()
