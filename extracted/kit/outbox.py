"""The outbox (Richardson, Microservices Patterns): a fact is written down in the transaction that makes it true.

Whoever records holds the lock of the aggregate, so the ids of one aggregate's facts grow in the order in which they became true."""

import uuid
from dataclasses import asdict, dataclass

from sqlalchemy import BigInteger, Boolean, Column, DateTime, Identity, Index, MetaData, String, Table, false, func, insert, text
from sqlalchemy.dialects.postgresql import JSONB

from extracted.kit import trace

CHANNEL = "outbox"
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
    Column("announced", Boolean, nullable=False, server_default=false()),
    Column("recorded_at", DateTime(timezone=True), nullable=False, server_default=func.clock_timestamp()),
    Column("published_at", DateTime(timezone=True)),
)
Index("outbox_unpublished", outbox.c.id, postgresql_where=outbox.c.published_at.is_(None))
Index("outbox_published", outbox.c.published_at)


@dataclass(frozen=True)
class Fact:
    """What is so about an aggregate, which key names; data is said as it is."""

    topic: str
    type: str
    key: str
    data: dict


def record(session, *facts, announced=False):
    """Say facts, in their order, once this transaction has taken effect, and never if it does not.

    Those that are announced have been so for a while: who keeps a copy wants them, who acts on what happens does not."""
    shared = {"traceparent": trace.current(), "announced": announced}
    session.execute(insert(outbox).inline(), [{**asdict(fact), "message_id": uuid.uuid4().hex, **shared} for fact in facts])
    session.execute(text(f"notify {CHANNEL}"))
