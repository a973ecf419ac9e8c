"""The stages of a booking: what each process did for its messages, and where they wait now."""

from typing import NamedTuple

from tools.lab.page.spans import CLIENT, CONSUMER, PRODUCER, SERVER

WAITS_AFTER = 2.0  # seconds: groups move their offsets after their work
STATUS = {
    "booking.requested": "pending",
    "booking.confirmed": "confirmed",
    "booking.declined": "declined",
    "booking.cancelled": "cancelled",
}


class Message(NamedTuple):
    """A message about a booking, whose id is the key; without partition and offset as long as it is
    in an outbox. recorded is seconds since 1970."""

    id: str
    topic: str
    type: str
    key: str
    recorded: float
    traceparent: str
    partition: int | None = None
    offset: int | None = None

    @property
    def trace(self):
        return (self.traceparent.split("-") + [""])[1]

    @property
    def parent(self):
        """The id of the span that it was recorded in."""
        return (self.traceparent.split("-") + ["", ""])[2]


class Now(NamedTuple):
    """What is on its way: the ids of the messages in an outbox, and {group: {(topic, partition):
    offset}}, each with the moment at which that was known, in seconds since 1970."""

    at: float
    unpublished: set
    offsets_at: float
    offsets: dict


def stages(messages, spans, plan, now):
    """The stages of a booking with these messages, oldest first, and these spans, for the page;
    times are milliseconds from its request on."""
    request = min(
        (span for span in spans if span.kind == SERVER and span.trace == messages[0].trace),
        key=lambda span: span.began,
        default=None,
    )
    began = request.began if request else messages[0].recorded
    types = [message.type for message in messages if message.type in STATUS]
    return {
        "id": messages[0].key,
        "began": ms(began),
        "status": STATUS[types[-1]] if types else "",
        "by": request and {"process": request.process, "ms": ms(request.ended - began)},
        "messages": [
            {
                "type": message.type,
                "topic": message.topic,
                "recorded": ms(message.recorded - began),
                "published": published(message, spans, began),
                "done": done(message, spans, began),
                "waits": waits(message, spans, plan, now),
            }
            for message in messages
        ],
    }


def published(message, spans, began):
    """{process, ms} of the relay that has sent a message; None if no span tells."""
    sent = [
        span
        for span in spans
        if span.kind == PRODUCER
        and span.name == f"publish {message.type}"
        and span.parent == message.parent
    ]
    if not sent:
        return None
    span = min(sent, key=lambda span: abs(span.began - message.recorded))
    return {"process": span.process, "ms": ms(span.ended - began)}


def done(message, spans, began):
    """[{process, group, ms, tries, failed, calls}] of the groups that have tried to process a
    message; calls are those to what is outside the shop."""
    found = {}
    for group, span in tries(message, spans):
        before = found.get(group, {"tries": 0})
        calls = [each.name for each in spans if each.kind == CLIENT and each.parent == span.id]
        found[group] = {
            "process": span.process,
            "group": group,
            "ms": ms(span.ended - began),
            "tries": before["tries"] + 1,
            "failed": span.failed,
            "calls": calls,
        }
    return list(found.values())


def tries(message, spans):
    """[(group, Span)], the earliest first."""
    mine = [
        span
        for span in spans
        if span.kind == CONSUMER
        and span.name.endswith(f" {message.type}")
        and span.parent == message.parent
    ]
    return [
        (span.name.rpartition(" ")[0], span) for span in sorted(mine, key=lambda span: span.ended)
    ]


def waits(message, spans, plan, now):
    """[{process, groups, since}] that a message waits for: a relay, or consumers whose groups have
    not come to it; since is milliseconds since 1970."""
    awaited = {}
    known_at = now.at if message.offset is None else now.offsets_at
    if known_at - message.recorded < WAITS_AFTER:
        return []
    if message.offset is not None:
        for group in _behind(message, spans, now):
            awaited.setdefault(plan.consumer_of(group), []).append(group)
    elif message.id in now.unpublished:
        awaited = {plan.relay_of(message.topic): []}
    since = ms(message.recorded)
    return [
        {"process": process, "groups": groups, "since": since}
        for process, groups in awaited.items()
    ]


def _behind(message, spans, now):
    processed = {group for group, span in tries(message, spans) if not span.failed}
    return [
        group
        for group, offsets in now.offsets.items()
        if group not in processed
        and any(topic == message.topic for topic, _ in offsets)
        and offsets.get((message.topic, message.partition), 0) <= message.offset
    ]


def ms(seconds):
    return round(seconds * 1000)
