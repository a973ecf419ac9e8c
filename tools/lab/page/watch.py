"""What the page shows of a running system, put together from all sources."""

import threading
import time
from collections import Counter
from contextlib import contextmanager
from functools import partial

from tools.lab.page import faults, messages, newest, outboxes, processes, spans
from tools.lab.page.bookings import Bookings
from tools.lab.page.plan import MONOLITH
from tools.lab.page.requests import Requests
from tools.lab.page.sources import Source
from tools.lab.page.stages import Now
from tools.lab.page.tails import Tails

AT_ONCE, OFTEN, SELDOM = 0.15, 0.4, 0.8  # seconds


class Watch:
    """Looks at a system while watched is set: at the one on a state, which has noted this of
    itself, and whose step has this plan."""

    def __init__(self, state, plan, noted):
        self.state = state
        self.plan = plan
        self.settings = noted["run"]
        self.watched = threading.Event()
        self.requests = Requests()
        self.calls = Counter()  # {(process, what it asks): how often}
        self.bookings = Bookings()
        self.processes = self._source(partial(processes.opened, state), AT_ONCE)
        self.knobs = {
            process: self._source(partial(faults.opened, url), SELDOM)
            for process, url in faults.addresses(noted).items()
        }
        self._source(self._logs, OFTEN)
        self._source(self._spans, OFTEN)
        self.kafka = None
        self.newest = None
        self.outboxes = {}  # {owner: Source}
        if plan.tree.topics:
            self._look_at_messages()
        elif url := self._database_urls().get(MONOLITH):
            self.newest = self._source(partial(newest.opened, url), SELDOM)

    def _look_at_messages(self):
        address, topics = self.settings["KAFKA_BOOTSTRAP_SERVERS"], self.plan.tree.topics
        take = self.bookings.take_message
        self.kafka = self._source(partial(messages.opened, address, topics, take), OFTEN)
        self.outboxes = {
            owner: self._source(partial(outboxes.opened, url), OFTEN)
            for owner, url in self._database_urls().items()
        }

    def _database_urls(self):
        return {
            owner: self.settings[f"{owner.upper()}_DATABASE_URL"] for owner in self.plan.tree.owners
        }

    def _source(self, opened, every):
        source = Source(opened, self.watched, every=every)
        source.start()
        return source

    @contextmanager
    def _logs(self):
        tails = Tails(self.state / "logs", "*.log")
        self.requests = requests = Requests()

        def look():
            is_first = tails.is_first
            for name, line in tails.lines():
                requests.add(name, line)
            if is_first:
                requests.begin()

        yield look

    @contextmanager
    def _spans(self):
        tails = Tails(self.state / "traces", "*.jsonl")

        def look():
            is_first = tails.is_first
            for _, line in tails.lines():
                for span in spans.read(line):
                    self.bookings.take_span(span)
                    if span.kind == spans.CLIENT and not is_first:
                        self.calls[span.process, span.name] += 1

        yield look

    def snapshot(self):
        """What is known now, as a value for JSON."""
        found = (self.kafka and self.kafka.found) or {}
        waiting = {owner: each.found for owner, each in self.outboxes.items() if each.found}
        return {
            "at": round(time.time() * 1000),
            "processes": self.processes.found or {},
            "requests": self.requests.figures(),
            "served": self.requests.served,
            "outboxes": {owner: each["count"] for owner, each in waiting.items()},
            "topics": found.get("topics", {}),
            "groups": {
                group: {"process": self.plan.consumer_of(group), "topics": reads}
                for group, reads in found.get("groups", {}).items()
            },
            "calls": [
                {"process": process, "name": name, "count": count}
                for (process, name), count in sorted(self.calls.items())
            ],
            "knobs": {name: each.found or {} for name, each in self.knobs.items()},
            "silent": self._silent(),
            "bookings": self._bookings(waiting, found),
        }

    def _silent(self):
        """The names of what gives no answer."""
        sources = {
            "lab": self.processes,
            **({"kafka": self.kafka} if self.kafka else {}),
            **{self.plan.database_of(owner): each for owner, each in self.outboxes.items()},
            **self.knobs,
        }
        return [name for name, source in sources.items() if source.is_silent]

    def _bookings(self, waiting, found):
        if self.newest:
            return newest.as_shown(self.newest.found or [], self.requests.booked)
        unpublished = [message for each in waiting.values() for message in each["messages"]]
        for message in unpublished:
            self.bookings.take_message(message)
        ids = {message.id for message in unpublished}
        now = Now(time.time(), ids, found.get("at", 0.0), found.get("offsets", {}))
        return self.bookings.shown(self.plan, now)
