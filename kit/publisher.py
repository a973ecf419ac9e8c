"""Sends messages to a broker without an outbox."""

import threading
from dataclasses import replace

from kit import trace
from kit.refusals import Unavailable


class Publisher:
    """Sends messages to a broker, which serves one thread at a time."""

    def __init__(self, broker):
        self.broker = broker
        self.lock = threading.Lock()

    def publish(self, message, now):
        """Send a message; Unavailable if it is not acknowledged."""
        sent = replace(message, recorded_at=now, traceparent=trace.current())
        with self.lock:
            (is_acknowledged,) = self.broker.send([sent])
        if not is_acknowledged:
            raise Unavailable("Kafka")
