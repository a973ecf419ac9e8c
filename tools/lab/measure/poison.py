"""Messages that no consumer can process, for the topics of a step."""

import json
import uuid
from datetime import UTC, datetime

from kafka import KafkaProducer


class NotUtf8(str):
    """The name of a header that is not UTF-8."""

    __slots__ = ()

    def encode(self, *arguments):
        return b"\xff\xfe"


def headers(**changed):
    usual = {
        "ce_id": uuid.uuid4().hex,
        "ce_type": "account.registered",
        "ce_source": "/encore/accounts",
        "ce_time": datetime.now(UTC).isoformat(),
        "ce_specversion": "1.0",
        "content-type": "application/json",
    }
    return [(name, value.encode()) for name, value in {**usual, **changed}.items()]


def account(**changed):
    id = uuid.uuid4().hex
    usual = {"id": id, "email": f"{id}@load.example", "name": "Ada", "aggregate_version": 1}
    return json.dumps({**usual, **changed}).encode()


def unreadable():
    """[(value, headers), ...] of what is no message at all."""
    return [
        (b"[]", headers()),
        (b"not JSON", headers()),
        (b"", headers()),
        (None, headers()),
        (account(), []),
        (account(), headers(ce_id="a\x00")),
        (account(), headers(ce_id="a" * 5000)),
        (account(), headers(ce_time="yesterday")),
        (account(), [*headers(), ("a\x00", b"")]),
        (account(), [*headers(), (NotUtf8("name"), b"")]),
    ]


def poison():
    """[(value, headers), ...] for the topic of accounts."""
    return [
        *unreadable(),
        (b"{}", headers()),
        (account(email=7), headers()),
        (account(name=None), headers()),
        (account(email="ada@load.example\nBcc: bob@load.example"), headers()),
        (account(name="Ada\x00"), headers()),
        (account(id="a\x00"), headers()),
        (account(aggregate_version=10**30), headers()),
        (account(aggregate_version="one"), headers()),
        (account(), headers(ce_type="account.unheard-of")),
    ]


def publish(address, topics):
    """Publish poison on accounts, and an empty object on every topic, with each of its types."""
    send(address, [("accounts", uuid.uuid4().hex, *each) for each in poison()])
    empty = [
        (topic, "poison", b"{}", headers(ce_type=type))
        for topic, types in topics.items()
        for type in types
    ]
    send(address, empty)


def send(address, records):
    """Publish (topic, key, value, headers) records; where each is: [(topic, partition, offset)]."""
    producer = KafkaProducer(bootstrap_servers=address, acks="all")
    try:
        sent = [
            producer.send(topic, value, key=key.encode(), headers=headers)
            for topic, key, value, headers in records
        ]
        found = [each.get(timeout=30) for each in sent]
    finally:
        producer.close()
    return [(each.topic, each.partition, each.offset) for each in found]
