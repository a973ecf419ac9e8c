"""A message: recorded in an outbox, sent to Kafka, read by a consumer.

In Kafka it is a CloudEvent 1.0 in binary mode: its id, type and time are headers, its data is the
value, as JSON."""

import json
import uuid
from dataclasses import dataclass, field
from datetime import datetime

CHANNEL = "outbox"  # PostgreSQL's NOTIFY on this channel wakes the relay
SPEC_VERSION = "1.0"
CONTENT_TYPE = "application/json"
HEADERS = ("ce_id", "ce_type", "ce_time", "ce_specversion", "ce_snapshot", "traceparent")
LONGEST = 200  # characters of an id, a type or a key


class Unprocessable(Exception):
    """No consumer can process this message, now or later; the text of the exception is why."""


@dataclass(frozen=True)
class Message:
    """A message about one aggregate, whose id is the key. Each message has an id of its own."""

    topic: str
    type: str
    key: str
    data: dict
    id: str = field(default_factory=lambda: uuid.uuid4().hex)
    recorded_at: datetime | None = None  # None until it is in an outbox
    traceparent: str = ""
    snapshot: bool = False

    def headers(self):
        """The headers of its Kafka record: [(name, bytes), ...]."""
        headers = {
            "ce_id": self.id,
            "ce_type": self.type,
            "ce_source": f"/encore/{self.topic}",
            "ce_time": self.recorded_at.isoformat(),
            "ce_specversion": SPEC_VERSION,
            "content-type": CONTENT_TYPE,
        }
        if self.traceparent:
            headers["traceparent"] = self.traceparent
        if self.snapshot:
            headers["ce_snapshot"] = "true"
        return [(name, value.encode()) for name, value in headers.items()]

    def value(self):
        """The value of its Kafka record: its data as JSON."""
        return json.dumps(self.data, separators=(",", ":")).encode()


def read(topic, key, value, headers):
    """The message of a Kafka record; Unprocessable, with the cause, if it is not a message."""
    try:
        known_headers = _known(headers)
        if known_headers["ce_specversion"] != SPEC_VERSION:
            raise Unprocessable(f"CloudEvents version {known_headers['ce_specversion']!r}")
        data = json.loads(value)
        if not isinstance(data, dict):
            raise Unprocessable("the data is not a JSON object")
        return Message(
            topic=topic,
            type=_short("ce_type", known_headers["ce_type"]),
            key=_short("key", key.decode()),
            data=data,
            id=_short("ce_id", known_headers["ce_id"]),
            recorded_at=datetime.fromisoformat(known_headers["ce_time"]),
            traceparent=known_headers.get("traceparent", ""),
            snapshot=known_headers.get("ce_snapshot") == "true",
        )
    except KeyError as name:
        raise Unprocessable(f"there is no header {name}") from None
    except (ValueError, AttributeError, TypeError, RecursionError) as error:
        raise Unprocessable(f"{type(error).__name__}: {error}") from None


def _known(headers):
    """{name: text} of the headers that have a meaning here."""
    for name, _ in headers:
        if not name.isprintable():
            raise Unprocessable(f"a header has the name {name!r}")
    return {name: text.decode() for name, text in headers if name in HEADERS}


def _short(name, text):
    """text, if it can be an id: it is stored, indexed and logged."""
    if not text.isprintable() or not 0 < len(text) <= LONGEST:
        raise Unprocessable(f"{name} is not 1 to {LONGEST} printable characters")
    return text
