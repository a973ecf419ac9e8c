"""The one module that knows HTTP: who may ask, what a request holds, how a refusal looks."""

import json
import logging
import re
import time
import uuid
from http import HTTPStatus

from flask import Response, current_app, g, request
from psycopg.errors import UndefinedTable
from sqlalchemy.exc import InterfaceError, OperationalError, ProgrammingError
from sqlalchemy.exc import TimeoutError as NoConnection
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge

from extracted.kit import log as logs
from extracted.kit import trace
from monolith import fields as checks
from monolith.accounts import service as accounts
from monolith.process import this_process
from monolith.refusals import Conflict, Invalid, NotFound, Refusal, Unavailable, WrongCredentials

LARGEST_BODY = 64 * 1024
STATUS = {NotFound: 404, Conflict: 409, Invalid: 422, WrongCredentials: 401, Unavailable: 503}
HTTP_KINDS = {404: "not-found", 405: "method-not-allowed", 413: "too-large"}
TITLES = {
    "malformed": "The body is not a JSON object",
    "not-signed-in": "Not signed in",
    "wrong-credentials": "Wrong credentials",
    "forbidden": "Not allowed",
    "foreign-origin": "Not from this site",
    "not-found": "Not found",
    "method-not-allowed": "Method not allowed",
    "email-taken": "Address taken",
    "seat-taken": "Seat taken",
    "event-started": "The event has started",
    "hold-expired": "The hold has expired",
    "hold-used": "The hold has been booked",
    "not-confirmed": "The booking is not confirmed",
    "too-large": "The body is too large",
    "unsupported-media-type": "Unsupported media type",
    "invalid": "Some fields are wrong",
    "idempotency-key-reused": "Idempotency key used before",
    "unavailable": "Not available just now",
    "internal-error": "Something went wrong",
}
IDEMPOTENCY_KEY = re.compile(r"[!-~]{1,255}")
log = logging.getLogger(__name__)


def init_app(app):
    app.url_map.merge_slashes = False
    app.before_request(_begin)
    app.before_request(_gate)
    app.after_request(_end)
    app.register_error_handler(Refusal, _refused)
    app.register_error_handler(Problem, lambda raised: problem(raised.status, raised.kind, raised.detail))
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(Exception, _unexpected)
    for trouble in (OperationalError, InterfaceError, NoConnection):
        app.register_error_handler(trouble, _no_database)
    app.register_error_handler(ProgrammingError, lambda error: (_no_database if isinstance(error.orig, UndefinedTable) else _unexpected)(error))


# Who may ask


def public(*, body=True):
    return _access(None, body)


def customer(*, body=True):
    return _access("customer", body)


def organiser(*, body=True):
    return _access("organiser", body)


def _access(role, body):
    """Mark a route with who may call it, and whether a POST to it must have a body."""

    def mark(view):
        view.access, view.needs_body = role, body
        return view

    return mark


def _gate():
    """Refuse in the order of the contract: the body's form, who asks, from where, and in which role."""
    view = current_app.view_functions.get(request.endpoint)
    if not hasattr(view, "access"):
        return
    if request.method == "POST":
        g.body = _read_body(needed=view.needs_body)
    g.session = _session() if view.access else None
    if view.access and g.session is None:
        raise Problem(401, "not-signed-in", "Please sign in first.")
    if request.method not in ("GET", "HEAD") and not _same_origin():
        raise Problem(403, "foreign-origin", "This request comes from another site.")
    if view.access == "organiser" and g.session.role != "organiser":
        raise Problem(403, "forbidden", "Only organisers may do this.")


def _session():
    return accounts.who(this_process(), request.cookies.get("encore_session"), this_process().clock())


def _same_origin():
    origin = request.headers.get("Origin")
    return origin is None or origin.partition("://")[2] == request.host


def signed_in():
    """The id of the account that asks."""
    return g.session.account_id


# What a request holds


def _read_body(*, needed):
    request.max_content_length = LARGEST_BODY
    data = request.get_data()
    if not data and not needed:
        return {}
    try:
        body = json.loads(data.decode("utf-8"), parse_constant=_not_json)
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, dict):
        raise Problem(400, "malformed", "The body must be a JSON object.")
    if request.mimetype != "application/json":
        raise Problem(415, "unsupported-media-type", "The body must be sent as application/json.")
    return body


def _not_json(constant):
    raise ValueError(f"{constant} is not JSON")


def fields(also=lambda values: [], **wanted):
    """The body's fields as checked by wanted; Invalid names all that are wrong. also sees the good ones and yields further errors."""
    values, errors = checks.check(g.body, wanted)
    errors += also(values)
    if errors:
        raise Invalid(errors)
    return values


def query(**wanted):
    """The query's parameters as checked by wanted; others are ignored."""
    values, errors = checks.check({name: value for name, value in request.args.items() if name in wanted}, wanted)
    if errors:
        raise Invalid(errors)
    return values


def paging(*position):
    """The checks for a list's limit and after; position says what its cursor is made of."""
    return {"limit": checks.optional(checks.digits(1, 100), 20), "after": checks.optional(checks.cursor(*position))}


def page(rows, limit, render, position):
    """One page of rows, of which there is one more than limit if another page follows."""
    more = len(rows) > limit
    return {"items": [render(row) for row in rows[:limit]], "next": checks.write_cursor(*position(rows[limit - 1])) if more else None}


def idempotency_key():
    """The request's key or None, and the errors in it."""
    key = request.headers.get("Idempotency-Key")
    fits = key is None or IDEMPOTENCY_KEY.fullmatch(key)
    return key, [] if fits else [("Idempotency-Key", "must be 1 to 255 visible ASCII characters")]


# How an answer looks


class Problem(Exception):
    """A refusal that only exists over HTTP."""

    def __init__(self, status, kind, detail):
        super().__init__(detail)
        self.status, self.kind, self.detail = status, kind, detail


def problem(status, kind, detail, **more):
    """An answer as RFC 9457 wants it."""
    body = {"type": kind, "title": TITLES[kind], "status": status, "detail": detail, **more}
    headers = {"Retry-After": "5"} if status == 503 else {}
    return Response(json.dumps(body) + "\n", status=status, headers=headers, content_type="application/problem+json")


def _refused(refusal):
    status = next(status for kind, status in STATUS.items() if isinstance(refusal, kind))
    return problem(status, refusal.kind, refusal.detail, **refusal.more)


def _http(error):
    if isinstance(error, RequestEntityTooLarge):
        return problem(413, "too-large", f"The body may have {LARGEST_BODY} bytes at most.")
    if error.code not in HTTP_KINDS:
        return problem(400, "malformed", HTTPStatus(error.code).phrase + ".")
    answer = problem(error.code, HTTP_KINDS[error.code], {404: "There is nothing at this address.", 405: "This address does not know that method."}[error.code])
    answer.headers.extend((name, value) for name, value in error.get_headers() if name == "Allow")
    return answer


def _no_database(error):
    log.error("database", extra={"error": str(error.orig if hasattr(error, "orig") else error).splitlines()[0]})
    return _refused(Unavailable("The database"))


def _unexpected(error):
    log.exception("unexpected", exc_info=error)
    return problem(500, "internal-error", "This is our fault, and has been noted.")


# What is noted of every request


def _begin():
    g.began = time.perf_counter()
    given = request.headers.get("X-Request-Id", "")
    g.request_id = given if checks.IDENTIFIER.fullmatch(given) else uuid.uuid4().hex
    logs.about.set({"request_id": g.request_id})
    if request.path.startswith("/health/"):
        return
    g.span = trace.span(f"{request.method} {request.url_rule or 'nowhere'}", "server", request.headers.get("traceparent", ""))
    g.span.__enter__()
    logs.about.set({"request_id": g.request_id, "trace_id": trace.trace_id()})


def _end(response):
    response.headers["X-Request-Id"] = g.request_id
    response.headers["X-Served-By"] = this_process().settings.instance
    if not request.path.startswith("/health/"):
        took = (time.perf_counter() - g.began) * 1000
        log.info("request", extra={"method": request.method, "path": request.path, "status": response.status_code, "ms": round(took, 2)})
        g.span.__exit__(None, None, None)
    return response
