"""The inbox: one row for each message that a consumer has processed, written in the same
transaction as the effect. A message that is delivered again finds its row, and has no second
effect. The column consumer has the name of the consumer group."""

from sqlalchemy import Column, DateTime, MetaData, String, Table, func
from sqlalchemy.dialects.postgresql import insert

metadata = MetaData()
inbox = Table(
    "inbox",
    metadata,
    Column("consumer", String, primary_key=True),
    Column("message_id", String, primary_key=True),
    Column(
        "received_at",
        DateTime(timezone=True),
        nullable=False,
        server_default=func.clock_timestamp(),
    ),
)


def add(session, consumer, message_id):
    """Add the row of a message; False if it is there already: the message is a duplicate.

    If two transactions add the same row at the same time, the second waits until the first ends."""
    statement = (
        insert(inbox)
        .values(consumer=consumer, message_id=message_id)
        .on_conflict_do_nothing()
        .returning(inbox.c.message_id)
    )
    return session.scalar(statement) is not None
