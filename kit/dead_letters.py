"""The dead-letter queue: Kafka records that no consumer can process. Each is kept with the cause,
until an operator has removed the cause and replays them."""

from contextlib import suppress

from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    delete,
    func,
    select,
)
from sqlalchemy.dialects.postgresql import JSONB, insert

from kit.message import Unprocessable, read

metadata = MetaData()
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
    Column(
        "failed_at",
        DateTime(timezone=True),
        nullable=False,
        server_default=func.clock_timestamp(),
    ),
)


def add(session, consumer, record, cause):
    """Keep a Kafka record byte for byte; one that is there already stays as it is."""
    headers = [(name, None if value is None else value.hex()) for name, value in record.headers]
    row = {
        "consumer": consumer,
        "topic": record.topic,
        "partition": record.partition,
        "offset": record.offset,
        "key": record.key,
        "value": record.value,
        "headers": headers,
        "cause": cause,
    }
    session.execute(insert(dead_letters).values(row).on_conflict_do_nothing())


def of(session, consumer):
    """The dead letters of a consumer, oldest first: rows of the table."""
    query = (
        select(dead_letters)
        .where(dead_letters.c.consumer == consumer)
        .order_by(dead_letters.c.failed_at, dead_letters.c.offset)
    )
    return session.execute(query).all()


def as_record(letter):
    """(topic, key, value, headers) of the Kafka record, as it was."""
    headers = [
        (name, None if value is None else bytes.fromhex(value)) for name, value in letter.headers
    ]
    return letter.topic, letter.key, letter.value, headers


def remove(session, letter):
    """Remove a dead letter whose message has been processed."""
    primary_key = [column == getattr(letter, column.name) for column in dead_letters.primary_key]
    session.execute(delete(dead_letters).where(*primary_key))


def replay(consumer):
    """Apply the dead letters that a consumer can process by now; return how many are left.

    The order is not kept: newer messages about the same aggregate were processed earlier."""
    with consumer.transaction() as session:
        letters = of(session, consumer.group)
    left = len(letters)
    for letter in letters:
        with suppress(Unprocessable, *consumer.waits):
            consumer.apply(read(*as_record(letter)))
            # if the process dies here, the next replay finds the inbox row and removes the letter
            with consumer.transaction() as session:
                remove(session, letter)
            left -= 1
    return left
