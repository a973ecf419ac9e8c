"""Hands the messages that the service has not published over to the monolith, on the way back.

They go to the end of its outbox. Its worker writes later messages behind them, so the messages of
one booking stay in order."""

UNPUBLISHED = """
select message_id, topic, type, key, data::text, traceparent, snapshot, recorded_at
from outbox where published_at is null order by id"""
ADD = """
insert into outbox (message_id, topic, type, key, data, traceparent, snapshot, recorded_at)
select %s, %s, %s, %s, %s::jsonb, %s, %s, %s
where not exists (select from outbox where message_id = %s)"""
REMOVE = "delete from outbox where message_id = any(%s)"


def hand_over(service, monolith):
    """Move unpublished messages from one database to the other; how many there were.

    After an interruption they may be in both; then they are added to the monolith's no more."""
    messages = service.execute(UNPUBLISHED).fetchall()
    with monolith.transaction():
        for message in messages:
            monolith.execute(ADD, [*message, message[0]])
    service.execute(REMOVE, [[message[0] for message in messages]])
    return len(messages)
