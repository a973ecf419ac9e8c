"""Build the copy of a consumer group again, from the beginning of its topics."""

from sqlalchemy import delete

from kit.dead_letters import dead_letters
from kit.inbox import inbox


class InUse(Exception):
    """The consumer group has members, so that nobody else may move its offsets."""


def rebuild(group, tables, transaction, broker):
    """Empty the tables of a copy, with the inbox rows and the dead letters of its group, and set
    the group back: its worker builds the copy again. InUse, and nothing is done, while the group
    has members.

    The rows and the offsets are in two systems, so the order decides. If this process dies before
    the commit, the copy is as it was, and the messages that come again are duplicates. A worker
    that starts before the commit waits at the inbox rows that are being deleted."""
    with transaction() as session:
        for table in tables:
            session.execute(delete(table))
        for table in (inbox, dead_letters):
            session.execute(delete(table).where(table.c.consumer == group))
        if not broker.set_back(group):
            raise InUse(group)
