"""HTTP as every process speaks it: how a refusal looks, what is logged of a request.

A refusal is a problem document (RFC 9457): nobody gets a stack trace, or HTML, from the API."""

import json
import logging
import time
import uuid
from http import HTTPStatus

from flask import Response, g, request
from gunicorn.http.errors import NoMoreData, ParseException
from psycopg.errors import UndefinedTable
from sqlalchemy.exc import InterfaceError, InternalError, OperationalError, ProgrammingError
from sqlalchemy.exc import TimeoutError as NoConnection
from werkzeug.exceptions import HTTPException

from kit import log as logs
from kit import trace
from kit.checks import IDENTIFIER
from kit.refusals import (
    Conflict,
    Invalid,
    NotFound,
    OutcomeUnknown,
    Refusal,
    Unauthenticated,
    Unavailable,
)

LARGEST_BODY = 64 * 1024  # bytes
STATUS = {
    NotFound: 404,
    Conflict: 409,
    Invalid: 422,
    Unauthenticated: 401,
    OutcomeUnknown: 502,
    Unavailable: 503,
}
NO_DATABASE = (OperationalError, InterfaceError, InternalError, NoConnection)
PROBLEMS = {  # that exist over HTTP only: {kind: (status, title)}
    "malformed": (400, "The request cannot be read"),
    "not-signed-in": (401, "Not signed in"),
    "forbidden": (403, "Not allowed"),
    "foreign-origin": (403, "Not from this site"),
    "not-found": (404, "Not found"),
    "method-not-allowed": (405, "Method not allowed"),
    "too-large": (413, "The body is too large"),
    "address-too-long": (414, "The address is too long"),
    "unsupported-media-type": (415, "Unsupported media type"),
    "headers-too-large": (431, "The headers are too large"),
    "internal-error": (500, "Something went wrong"),
}
HTTP_ERRORS = {
    404: ("not-found", "There is nothing at this address."),
    405: ("method-not-allowed", "This address does not know that method."),
    413: ("too-large", f"The body may have {LARGEST_BODY} bytes at most."),
}
log = logging.getLogger(__name__)


class Problem(Exception):
    """A refusal that only exists over HTTP: kind is one of PROBLEMS."""

    def __init__(self, kind, detail):
        super().__init__(detail)
        self.kind = kind
        self.detail = detail


def init_app(app, *, instance):
    """Answer every error as a problem, and log every request; instance names this process."""
    app.url_map.merge_slashes = False
    app.wsgi_app = _traced(app.wsgi_app)
    app.before_request(_begin)
    app.after_request(lambda response: _end(response, instance))
    app.register_error_handler(Refusal, _refused)
    app.register_error_handler(Problem, _problem)
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(Exception, _unexpected)
    app.register_error_handler(ProgrammingError, _no_table)
    for error in (ParseException, NoMoreData):
        app.register_error_handler(error, _unreadable)
    for error in NO_DATABASE:
        app.register_error_handler(error, _no_database)


# How an answer looks


def problem(status, kind, title, detail, **more):
    """A problem document as a response."""
    body = {"type": kind, "title": title, "status": status, "detail": detail, **more}
    return Response(
        json.dumps(body) + "\n",
        status=status,
        headers={"Retry-After": "5"} if status == 503 else {},
        content_type="application/problem+json",
    )


def _problem(error):
    status, title = PROBLEMS[error.kind]
    return problem(status, error.kind, title, error.detail)


def _refused(refusal):
    status = next(status for kind, status in STATUS.items() if isinstance(refusal, kind))
    return problem(status, refusal.kind, refusal.title, refusal.detail, **refusal.more)


def _http_error(error):
    other = ("malformed", f"{HTTPStatus(error.code).phrase}.")
    answer = _problem(Problem(*HTTP_ERRORS.get(error.code, other)))
    answer.headers.extend(header for header in error.get_headers() if header[0] == "Allow")
    return answer


def _unreadable(error):
    """The answer to a body in chunks that is not one; gunicorn finds out while it is read."""
    return _problem(Problem("malformed", "The body's chunks cannot be read."))


def _no_table(error):
    return (_no_database if isinstance(error.orig, UndefinedTable) else _unexpected)(error)


def _no_database(error):
    cause = error.orig if hasattr(error, "orig") else error
    log.error("database", extra={"error": str(cause).splitlines()[0]})
    return _refused(Unavailable("The database"))


def _unexpected(error):
    log.exception("unexpected", exc_info=error)
    return _problem(Problem("internal-error", "This is our fault, and has been logged."))


# What is logged of every request


def _traced(wsgi_app):
    """The same application, in a span for each request but those for health.

    Each request begins a trace: a caller does not decide whether it is recorded."""

    def traced(environ, start_response):
        if environ["PATH_INFO"].startswith("/health/"):
            return wsgi_app(environ, start_response)
        with trace.span("request", "server", ""):
            return wsgi_app(environ, start_response)

    return traced


def _begin():
    g.began = time.perf_counter()
    sent_id = request.headers.get("X-Request-Id", "")
    g.request_id = sent_id if IDENTIFIER.fullmatch(sent_id) else uuid.uuid4().hex
    logs.context.set({"request_id": g.request_id, "trace_id": trace.trace_id()})
    trace.rename(f"{request.method} {request.url_rule or 'nowhere'}")


def _end(response, instance):
    response.headers["X-Request-Id"] = g.request_id
    response.headers["X-Served-By"] = instance
    if not request.path.startswith("/health/"):
        line = {
            "method": request.method,
            "path": request.path,
            "status": response.status_code,
            "ms": round((time.perf_counter() - g.began) * 1000, 2),
        }
        log.info("request", extra=line)
    return response
