"""Who may call a route. Each route says it with a decorator.

A request is refused before its view runs, in the order of the contract: the form of the body, who
calls, from which site, in which role."""

from flask import current_app, g, request

from kit.http import Problem
from kit.process import this_process
from kit.request import read_body
from kit.tokens import COOKIE


def init_app(app, public_origin=None):
    """Check each request to a marked route; public_origin is this site's, where the requests that
    arrive do not name it."""
    app.before_request(_check_marked)
    if public_origin:
        app.wsgi_app = _at(public_origin, app.wsgi_app)


def _at(origin, wsgi_app):
    """The same application, to which each request seems to come at this origin."""
    scheme, _, host = origin.partition("://")

    def serve(environ, start_response):
        return wsgi_app({**environ, "wsgi.url_scheme": scheme, "HTTP_HOST": host}, start_response)

    return serve


def public(*, body=True):
    """Anybody may call this route; body says whether a POST to it must have one."""
    return _mark(False, None, body)


def signed_in(*, role=None, body=True):
    """Only somebody who is signed in may call this route; in this role, if one is named."""
    return _mark(True, role, body)


def _mark(needs_caller, role, needs_body):
    def mark(view):
        view.needs_caller = needs_caller
        view.role = role
        view.needs_body = needs_body
        return view

    return mark


def _check_marked():
    view = current_app.view_functions.get(request.endpoint)
    if hasattr(view, "needs_caller"):
        _check(view)


def _check(view):
    if request.method == "POST":
        g.body = read_body(needed=view.needs_body)
    g.caller = _identify() if view.needs_caller else None
    if view.needs_caller and g.caller is None:
        raise Problem("not-signed-in", "Please sign in first.")
    if request.method not in ("GET", "HEAD") and not _is_same_origin():
        raise Problem("foreign-origin", "This request comes from another site.")
    if view.role and g.caller.role != view.role:
        raise Problem("forbidden", f"Only the role {view.role} may do this.")


def _identify():
    """The session that the cookie of this request proves, or None."""
    process = this_process()
    return process.verifier.session(request.cookies.get(COOKIE), process.clock())


def _is_same_origin():
    """Whether the request comes from this site, or from no site at all.

    A browser says so itself in Sec-Fetch-Site; an old one only names the origin."""
    relation = request.headers.get("Sec-Fetch-Site")
    if relation is not None:
        return relation in ("same-origin", "none")
    origin = request.headers.get("Origin")
    return origin is None or origin == f"{request.scheme}://{request.host}"


def caller():
    """Who calls: the session of kit.tokens, with account_id and role."""
    return g.caller
