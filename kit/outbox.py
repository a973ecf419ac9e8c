"""The outbox (Richardson, Microservices Patterns): a message is recorded in the same transaction as
the change that it is about.

The caller has locked the aggregate, so the next change of it waits for this transaction, and the
ids of one aggregate's rows grow in the order of its changes."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Identity,
    Index,
    MetaData,
    String,
    Table,
    false,
    func,
    insert,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from kit import trace
from kit.message import CHANNEL

metadata = MetaData()
outbox = Table(
    "outbox",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("message_id", String, nullable=False),
    Column("topic", String, nullable=False),
    Column("type", String, nullable=False),
    Column("key", String, nullable=False),
    Column("data", JSONB, nullable=False),
    Column("traceparent", String, nullable=False),
    Column("snapshot", Boolean, nullable=False, server_default=false()),
    Column(
        "recorded_at",
        DateTime(timezone=True),
        nullable=False,
        server_default=func.clock_timestamp(),
    ),
    Column("published_at", DateTime(timezone=True)),
)
Index("outbox_unpublished", outbox.c.id, postgresql_where=outbox.c.published_at.is_(None))
Index("outbox_published", outbox.c.published_at)


def record(session, *messages, snapshot=False):
    """Record messages, to be published in this order if the transaction commits.

    snapshot marks messages about rows that are older than the outbox: a consumer that keeps a copy
    applies them, a consumer that acts (sends mail, charges a card) skips them."""
    traceparent = trace.current()
    rows = [_row(message, traceparent, snapshot) for message in messages]
    session.execute(insert(outbox).inline(), rows)
    session.execute(text(f"notify {CHANNEL}"))


def _row(message, traceparent, snapshot):
    return {
        "message_id": message.id,
        "topic": message.topic,
        "type": message.type,
        "key": message.key,
        "data": message.data,
        "traceparent": traceparent,
        "snapshot": snapshot,
    }
