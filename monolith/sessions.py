"""The sessions that have ended, as the monolith keeps them from the topic of accounts.

They have a table and a consumer group of their own."""

from functools import partial

from kit import sessions

ended_copies = sessions.table("ended_copies")
is_open = partial(sessions.is_open, table=ended_copies)

TOPICS = sessions.TOPICS
SNAPSHOTS = sessions.SNAPSHOTS
HANDLERS = {"session.ended": partial(sessions.end, table=ended_copies)}
