"""The last bookings, from their messages and from the spans of their traces."""

import threading
from collections import OrderedDict

from tools.lab.page.spans import SERVER
from tools.lab.page.stages import stages

KEPT = 60  # bookings
SHOWN = 12
TRACES = 500  # whose spans are kept until their message comes
TOPICS = ("bookings", "payments")  # whose keys are the ids of bookings


class Booking:
    def __init__(self):
        self.found = {}  # {id of a message: Message}
        self.spans = {}  # {id of a span: Span}

    @property
    def messages(self):
        return sorted(self.found.values(), key=lambda message: message.recorded)

    @property
    def is_shown(self):
        """Whether its messages are known from a request on; not if it is one of the sample data, or
        if only an answer of payments is known."""
        return any(message.traceparent for message in self.found.values()) and any(
            message.topic == "bookings" for message in self.found.values()
        )


class Bookings:
    """Takes messages and spans in any order, from several threads."""

    def __init__(self):
        self.lock = threading.Lock()
        self.bookings = OrderedDict()  # {id: Booking}, the newest last
        self.of_trace = {}  # {trace: id of its booking}
        self.early = OrderedDict()  # {trace: [Span]} of traces without a known booking

    def take_message(self, message):
        """Take a message, as it is in a topic or still in an outbox."""
        if message.topic not in TOPICS:
            return
        with self.lock:
            if message.key not in self.bookings:
                self.bookings[message.key] = Booking()
                self._forget_oldest()
            booking = self.bookings[message.key]
            known = booking.found.get(message.id)
            if known is None or known.offset is None:
                booking.found[message.id] = message
            if message.trace:
                self.of_trace[message.trace] = message.key
                for span in self.early.pop(message.trace, ()):
                    booking.spans[span.id] = span

    def _forget_oldest(self):
        if len(self.bookings) > KEPT:
            oldest, _ = self.bookings.popitem(last=False)
            self.of_trace = {
                trace: booking for trace, booking in self.of_trace.items() if booking != oldest
            }

    def take_span(self, span):
        """Take a span; those of a read belong to no booking."""
        with self.lock:
            booking = self.bookings.get(self.of_trace.get(span.trace))
            if booking:
                booking.spans[span.id] = span
            elif span.kind != SERVER or span.name.startswith("POST "):
                self.early.setdefault(span.trace, []).append(span)
                if len(self.early) > TRACES:
                    self.early.popitem(last=False)

    def shown(self, plan, now):
        """The stages of the newest bookings, for the page."""
        with self.lock:
            known = [
                (each.messages, list(each.spans.values()))
                for each in self.bookings.values()
                if each.is_shown
            ]
        known.sort(key=lambda each: each[0][0].recorded, reverse=True)
        return [stages(messages, spans, plan, now) for messages, spans in known[:SHOWN]]
