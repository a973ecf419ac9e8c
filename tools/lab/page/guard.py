"""Who may use the page: a browser of this machine that was given its address, and no other page
that is open in it."""

import secrets

from aiohttp import web

HEADERS = {
    "Content-Security-Policy": "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; "
    "form-action 'none'",
    "Referrer-Policy": "no-referrer",  # the token is in the address
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}


def guard(host, token):
    """A middleware that lets in only requests to this host and port, below the token; of those that
    change something, only the page's own."""

    @web.middleware
    async def guarded(request, handler):
        refused = why_refused(request, host, token)
        if refused:
            return problem(*refused)
        try:
            return await handler(request)
        except web.HTTPException as known:
            return problem(known.status, known.reason)
        except (ConnectionError, TimeoutError):
            raise
        except Exception:
            return problem(500, "the page itself has failed")

    return guarded


def why_refused(request, host, token):
    """(status, reason), or None."""
    if request.host != host:  # another site's name that leads to this machine
        return 403, f"this page is at {host} only"
    if not secrets.compare_digest(request.path.split("/")[1].encode(), token.encode()):
        return 404, "there is nothing at this address"
    if request.method != "GET" and request.headers.get("Origin") != f"http://{host}":
        return 403, "only the page itself may do that"
    return None


def problem(status, reason):
    """A refusal, as one line."""
    return web.json_response({"problem": reason}, status=status)


async def add_headers(request, response):
    """To be called before any answer is sent."""
    response.headers.update(HEADERS)
