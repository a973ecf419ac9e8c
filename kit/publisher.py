"""Sends messages to a broker without an outbox."""

import threading
from dataclasses import replace

from kit import trace


class Publisher:
    """Sends messages to a broker, which serves one thread at a time."""

    def __init__(self, broker):
        self.broker = broker
        self.lock = threading.Lock()

    def publish(self, message, now):
        """Send a message; if it is not acknowledged, the log says why."""
        sent = replace(message, recorded_at=now, traceparent=trace.current())
        with self.lock:
            self.broker.send([sent])
