"""The dead-letter queue: Kafka records that a consumer could not process, each with the cause.

If a later try may succeed, it is made without an operator: first after 30 seconds, then after
pauses that double, for about an hour. The others wait until an operator has removed the cause and
replays them."""

import logging
from datetime import timedelta
from urllib.parse import quote, unquote

from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    case,
    delete,
    func,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import JSONB, insert

from kit import log
from kit.failures import cause_of, is_final, is_outage
from kit.message import read

FIRST_PAUSE = timedelta(seconds=30)
LAST_TRY = timedelta(hours=1)
logger = logging.getLogger(__name__)

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
    Column("next_try", DateTime(timezone=True)),
)


def add(session, consumer, record, error):
    """Keep a Kafka record byte for byte; one that is there already stays as it is."""
    headers = [
        (quote(name), None if value is None else value.hex()) for name, value in record.headers
    ]
    row = {
        "consumer": consumer,
        "topic": record.topic,
        "partition": record.partition,
        "offset": record.offset,
        "key": record.key,
        "value": record.value,
        "headers": headers,
        "cause": cause_of(error),
        "next_try": None if is_final(error) else func.clock_timestamp() + FIRST_PAUSE,
    }
    session.execute(insert(dead_letters).values(row).on_conflict_do_nothing())


def of(session, consumer, *, only_due=False):
    """The dead letters of a consumer, oldest first: rows of the table."""
    query = (
        select(dead_letters)
        .where(dead_letters.c.consumer == consumer)
        .order_by(dead_letters.c.failed_at, dead_letters.c.offset)
    )
    if only_due:
        query = query.where(dead_letters.c.next_try <= func.clock_timestamp())
    return session.execute(query).all()


def as_record(letter):
    """(topic, key, value, headers) of the Kafka record, as it was."""
    headers = [
        (unquote(name), None if value is None else bytes.fromhex(value))
        for name, value in letter.headers
    ]
    return letter.topic, letter.key, letter.value, headers


def remove(session, letter):
    """Remove a dead letter whose message has been processed."""
    session.execute(delete(dead_letters).where(*_is(letter)))


def postpone(session, letter, error):
    """Set the next try of a dead letter that has failed again: when it is twice as old as now."""
    now = func.clock_timestamp()
    age = now - dead_letters.c.failed_at
    later = case((age < LAST_TRY, now + func.greatest(age, FIRST_PAUSE)))
    values = {"cause": cause_of(error), "next_try": None if is_final(error) else later}
    session.execute(update(dead_letters).where(*_is(letter)).values(values))


def _is(letter):
    return [column == getattr(letter, column.name) for column in dead_letters.primary_key]


def replay(consumer, *, only_due=False):
    """Apply the dead letters that a consumer can process by now; return how many are left.

    The order is not kept: newer messages about the same aggregate were processed earlier."""
    with consumer.transaction() as session:
        letters = of(session, consumer.group, only_due=only_due)
    return len(letters) - sum(_replay(consumer, letter) for letter in letters)


def _replay(consumer, letter):
    """Apply the message of a dead letter and remove the letter; False if that fails again."""
    log.context.set({"topic": letter.topic, "offset": letter.offset})
    try:
        consumer.apply(read(*as_record(letter)))
        # if the process dies here, the next replay finds the inbox row and removes the letter
        with consumer.transaction() as session:
            remove(session, letter)
    except Exception as error:
        logger.info("still a dead letter", extra={"cause": cause_of(error)})
        if not is_outage(error) and letter.next_try:
            with consumer.transaction() as session:
                postpone(session, letter, error)
        return False
    return True
