"""The inbox: the receipt of a message, in the transaction of its effect. One that is delivered again finds its receipt, and has no effect.

Beside it lie the dead letters: what nobody can do anything about, with the cause, until somebody looks at it."""

from sqlalchemy import BigInteger, Column, DateTime, Integer, LargeBinary, MetaData, String, Table, delete, func, select
from sqlalchemy.dialects.postgresql import JSONB, insert

metadata = MetaData()
NOW = {"nullable": False, "server_default": func.clock_timestamp()}
inbox = Table(
    "inbox",
    metadata,
    Column("consumer", String, primary_key=True),
    Column("message_id", String, primary_key=True),
    Column("received_at", DateTime(timezone=True), **NOW),
)
dead_letters = Table(
    "dead_letters",
    metadata,
    Column("consumer", String, primary_key=True),
    Column("topic", String, primary_key=True),
    Column("partition", Integer, primary_key=True),
    Column("offset", BigInteger, primary_key=True),
    Column("key", LargeBinary),
    Column("value", LargeBinary),
    Column("headers", JSONB, nullable=False),
    Column("cause", String, nullable=False),
    Column("buried_at", DateTime(timezone=True), **NOW),
)


def is_new(session, consumer, message_id):
    """Note a message as received; False if it was before. Whoever receives it at the same time waits for the end of this transaction."""
    noted = insert(inbox).values(consumer=consumer, message_id=message_id).on_conflict_do_nothing().returning(inbox.c.message_id)
    return session.scalar(noted) is not None


def bury(session, consumer, record, cause):
    """Put a record away, as it came."""
    headers = [[name, value.hex() if value is not None else None] for name, value in record.headers]
    where = {"consumer": consumer, "topic": record.topic, "partition": record.partition, "offset": record.offset}
    what = {"key": record.key, "value": record.value, "headers": headers, "cause": cause}
    session.execute(insert(dead_letters).values(**where, **what).on_conflict_do_nothing())


def letters(session, consumer):
    """What is buried of a consumer, in the order in which it came: rows of dead_letters."""
    return session.execute(select(dead_letters).where(dead_letters.c.consumer == consumer).order_by(dead_letters.c.buried_at, dead_letters.c.offset)).all()


def as_it_came(letter):
    """(topic, key, value, headers) of a letter."""
    headers = [(name, bytes.fromhex(value) if value is not None else None) for name, value in letter.headers]
    return letter.topic, letter.key, letter.value, headers


def remove(session, letter):
    """Forget a letter whose effect is there."""
    session.execute(delete(dead_letters).where(*(column == getattr(letter, column.name) for column in dead_letters.primary_key)))
