"""The messages that wait in the outbox of a database for a relay."""

from contextlib import contextmanager

import psycopg

from tools.lab.page.stages import Message

HAS_OUTBOX = "select to_regclass('public.outbox') is not null"
WAITING = """
select count(*) over (), message_id, topic, type, key,
       extract(epoch from recorded_at)::float, traceparent
from outbox
where published_at is null
order by id
limit 100"""
WITHIN = 3  # seconds


@contextmanager
def connected(url):
    """A connection to a database, which gives up soon where that does not answer."""
    options = f"-c statement_timeout={WITHIN * 1000}"
    with psycopg.connect(
        url, autocommit=True, connect_timeout=WITHIN, options=options
    ) as connection:
        yield connection


@contextmanager
def opened(url):
    """A function that answers {count, messages} of what waits, oldest first; None where there is no
    outbox."""
    with connected(url) as connection:
        (has_outbox,) = connection.execute(HAS_OUTBOX).fetchone()

        def look():
            if not has_outbox:
                return None
            found = connection.execute(WAITING).fetchall()
            count = found[0][0] if found else 0
            return {"count": count, "messages": [Message(*row) for _, *row in found]}

        yield look
