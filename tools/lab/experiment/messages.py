"""Messages as they should not come: twice, in another order, unreadable, of an unknown version, or
such that their handler fails.

Each function publishes some at a step that has topics, and returns check(system): the list of what
is not yet as it must be afterwards."""

import json
import secrets
import uuid
from contextlib import contextmanager

from tools.lab.ground.failed import Failed
from tools.lab.ground.waiting import eventually
from tools.lab.look import topics
from tools.lab.look.running import Running
from tools.lab.measure import poison
from tools.lab.measure.evidence import confirmations

DOUBLED = 100  # messages
PROCESSED_WITHIN = 60.0  # seconds
COLUMNS = "topic, key, data, message_id, type, recorded_at, traceparent, snapshot"
NEWEST = (
    f"select {COLUMNS} from outbox where published_at is not null order by id desc limit {DOUBLED}"
)
OF_BOOKING = f"select {COLUMNS} from outbox where key = %s order by id"
DEAD = 'select topic, partition, "offset" from dead_letters'


@contextmanager
def published(system, publish, *, within=PROCESSED_WITHIN):
    """The fault of a drill: messages are published, and at its end all is as it must be; Failed
    says what is not."""
    check = publish(system)
    yield
    left = []

    def is_well():
        left[:] = check(system)
        return not left

    try:
        eventually(is_well, within=within)
    except AssertionError:
        raise Failed("; ".join(left)) from None


def publish_doubled(system):
    """Publish the newest messages again with their ids, as a relay does that was killed before it
    had marked them."""
    customer = Customer(system)
    booking = customer.book()
    eventually(lambda: customer.has_mail_of(booking), within=PROCESSED_WITHIN)
    before = confirmations(system.mail_url)
    sent = poison.send(address(system), map(as_record, rows(system, NEWEST)[::-1]))

    def check(system):
        return not_processed(system, sent) or [
            f"{email} has {count} mails of the booking {booking}"
            for (email, booking), count in confirmations(system.mail_url).items()
            if count > max(1, before[email, booking])
        ]

    return check


def publish_out_of_order(system):
    """Publish the messages about a booking before the account and all else that was recorded
    earlier: up to its confirmation, or to its request, where payments waits for the account."""
    relays = [name for name in system.tree.processes() if name.split("-")[-1] == "relay"]
    for relay in relays:
        system.supervisor.stop(relay)
    try:
        customer = Customer(system)
        booking = customer.book()
        sent = sent_of_booking(system, booking)
    finally:
        for relay in relays:
            system.supervisor.start(relay)

    def check(system):
        mails = [mail["text"] for mail in customer.mails()]
        count = sum(booking in text for text in mails)
        return [
            *not_processed(system, sent),
            *([] if count == 1 else [f"{count} mails confirm the booking {booking}"]),
            *([] if len(mails) == count + 1 else [f"{len(mails) - count} mails welcome its owner"]),
        ]

    return check


def sent_of_booking(system, booking):
    """Where the messages about a booking are that were recorded, sent as soon as they are there:
    the confirmation may be an answer to others."""
    sent, types = [], []
    last = "booking.requested" if "payments" in system.tree.owners else "booking.confirmed"

    def is_sent():
        if new := rows(system, OF_BOOKING, booking)[len(types) :]:
            sent.extend(poison.send(address(system), map(as_record, new)))
            types.extend(row[4] for row in new)
        return last in types

    eventually(is_sent, within=PROCESSED_WITHIN)
    return sent


def publish_unreadable(system):
    """Publish what is no message on a topic that everybody reads."""
    sent = poison.send(address(system), [of_account(*each) for each in poison.unreadable()])
    return lambda system: not_dead(system, sent)


def publish_unknown_version(system):
    """Publish a message of another version of CloudEvents, one of an unknown type, and one with a
    field that nobody knows yet."""
    email = f"{secrets.token_hex(6)}@load.example"
    dead, *ignored = poison.send(
        address(system),
        [
            of_account(poison.account(), poison.headers(ce_specversion="2.0")),
            of_account(poison.account(), poison.headers(ce_type="account.unheard-of")),
            of_account(poison.account(email=email, nickname="Countess"), poison.headers()),
        ],
    )

    def check(system):
        return [
            *not_dead(system, [dead]),
            *not_processed(system, ignored),
            *(f"{each} is a dead letter" for each in ignored if each in dead_letters(system)),
            *([] if Running(system).mails(to=email) else ["an unknown field stops a message"]),
        ]

    return check


def publish_failing(system):
    """Publish a message whose handler fails, and one behind it on the same partition."""
    email = f"{secrets.token_hex(6)}@load.example"
    failing, _ = poison.send(
        address(system),
        [
            ("accounts", "failing", b"{}", poison.headers()),
            ("accounts", "failing", poison.account(email=email), poison.headers()),
        ],
    )

    def check(system):
        return [
            *not_dead(system, [failing]),
            *([] if Running(system).mails(to=email) else ["the message behind it waits"]),
        ]

    return check


class Customer:
    """A new customer of a system."""

    def __init__(self, system):
        self.running = Running(system)
        self.email = f"{secrets.token_hex(6)}@drill.example"
        self.client = self.running.client()
        known = {"email": self.email, "password": "correct horse"}
        self._ask("POST", "/api/accounts", {**known, "name": "Ada"})
        self._ask("POST", "/api/sessions", known)

    def _ask(self, method, path, body=None):
        answer = self.client.request(method, path, body)
        if not 200 <= answer.status < 300:
            raise Failed(f"{method} {path}: {answer.status}")
        return answer.json

    def book(self):
        """The id of a booking of the first free seat."""
        for event in self._ask("GET", "/api/events")["items"]:
            path = f"/api/events/{event['id']}"
            seats = self._ask("GET", f"{path}/seats")["items"]
            if free := [seat["id"] for seat in seats if seat["status"] == "free"]:
                hold = self._ask("POST", f"{path}/holds", {"seats": free[:1]})["id"]
                order = {"hold_id": hold, "payment_method": "pm_card_visa"}
                return self._ask("POST", "/api/bookings", order)["id"]
        raise Failed("no seat is free")

    def mails(self):
        return self.running.mails(to=self.email)

    def has_mail_of(self, booking):
        return any(booking in mail["text"] for mail in self.mails())


def address(system):
    return system.settings["KAFKA_BOOTSTRAP_SERVERS"]


def of_account(value, headers):
    """A record with a key of its own on the topic of accounts."""
    return "accounts", uuid.uuid4().hex, value, headers


def rows(system, query, *values):
    """The rows that a query finds in the database whose outbox has the bookings."""
    owner = "bookings" if "bookings" in system.servers else "monolith"
    with system.servers[owner].connect(owner) as connection:
        return connection.execute(query, values).fetchall()


def as_record(row):
    """The record that the relay makes of a row of the outbox."""
    topic, key, data, id, type, recorded_at, traceparent, snapshot = row
    headers = poison.headers(
        ce_id=id,
        ce_type=type,
        ce_source=f"/encore/{topic}",
        ce_time=recorded_at.isoformat(),
        **({"traceparent": traceparent} if traceparent else {}),
        **({"ce_snapshot": "true"} if snapshot else {}),
    )
    return topic, key, json.dumps(data).encode(), headers


def not_processed(system, sent):
    """A sentence for each group that reads one of these partitions and is not past these
    offsets."""
    ends = {}
    for topic, partition, offset in sent:
        each = topics.TopicPartition(topic, partition)
        ends[each] = max(offset, ends.get(each, 0))
    return [
        f"{group} has not come past {each.topic} {each.partition} {offset}"
        for group, committed in topics.offsets(address(system)).items()
        for each, offset in ends.items()
        if each in committed and committed[each].offset <= offset
    ]


def not_dead(system, sent):
    """A sentence for each of these messages that nobody has made a dead letter."""
    dead = dead_letters(system)
    return [f"{' '.join(map(str, each))} is no dead letter" for each in sent if each not in dead]


def dead_letters(system):
    """{(topic, partition, offset)} of the dead letters of all owners that consume."""
    found = set()
    for owner, server in system.servers.items():
        with server.connect(owner) as connection:
            if connection.execute("select to_regclass('dead_letters')").fetchone() != (None,):
                found.update(connection.execute(DEAD).fetchall())
    return found
