"""The newest bookings of a step without messages: their rows, and the requests that made them."""

from contextlib import contextmanager

from tools.lab.page.outboxes import connected

NEWEST = """
select id, status, extract(epoch from created_at)::float
from bookings
order by created_at desc
limit 12"""


@contextmanager
def opened(url):
    """A function that answers [(id, status, made at)], the newest first."""
    with connected(url) as connection:
        yield lambda: connection.execute(NEWEST).fetchall()


def as_shown(rows, booked):
    """These rows, for the page, each with the request among those booked in which it was made."""
    return [
        {
            "id": id,
            "began": round(made_at * 1000),
            "status": status,
            "by": _request(made_at, booked),
            "messages": [],
        }
        for id, status, made_at in rows
    ]


def _request(made_at, booked):
    for request in booked:
        if request.at - request.ms / 1000 <= made_at <= request.at:
            return {"process": request.process, "ms": round(request.ms)}
    return None
