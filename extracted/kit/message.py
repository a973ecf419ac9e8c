"""A fact on the wire: CloudEvents 1.0 in Kafka's binary mode, attributes as headers and the data as JSON."""

import json
from dataclasses import dataclass
from datetime import datetime

CONTENT_TYPE = "application/json"
READ = ("ce_id", "ce_type", "ce_time", "ce_specversion", "traceparent", "ce_announced")


class Never(Exception):
    """Nothing can be done about this message, now or later: it is put away, with the cause."""


class Unreadable(Never):
    """Nobody can make sense of this message."""


@dataclass(frozen=True)
class Message:
    """What was said: on a topic, about the aggregate that key names, with an id that is never used twice."""

    id: str
    topic: str
    type: str
    key: str
    data: dict
    time: datetime
    traceparent: str = ""
    announced: bool = False

    def headers(self):
        attributes = {"id": self.id, "type": self.type, "source": f"/encore/{self.topic}", "time": self.time.isoformat(), "specversion": "1.0"}
        headers = [(f"ce_{name}", value.encode()) for name, value in attributes.items()]
        more = {"content-type": CONTENT_TYPE, "traceparent": self.traceparent, "ce_announced": "true" if self.announced else ""}
        return [*headers, *((name, value.encode()) for name, value in more.items() if value)]

    def value(self):
        return json.dumps(self.data, separators=(",", ":")).encode()


def read(topic, key, value, headers):
    """The message of a Kafka record; Unreadable says what is wrong with it."""
    try:
        told = {name: text.decode() for name, text in headers if name in READ}
        if told["ce_specversion"] != "1.0":
            raise Unreadable(f"CloudEvents version {told['ce_specversion']!r}")
        data = json.loads(value)
        if not isinstance(data, dict):
            raise Unreadable("the data is no JSON object")
        moment = datetime.fromisoformat(told["ce_time"])
        more = {"traceparent": told.get("traceparent", ""), "announced": told.get("ce_announced") == "true"}
        return Message(told["ce_id"], topic, told["ce_type"], key.decode(), data, moment, **more)
    except (KeyError, ValueError, AttributeError, TypeError, RecursionError) as trouble:
        raise Unreadable(f"{type(trouble).__name__}: {trouble}") from None
