"""The delivery of messages at a step that has topics: how many a second from a backlog, and how
long each takes to Kafka and to a mail."""

import threading
import time
import uuid
from datetime import datetime
from statistics import median

from kafka import KafkaConsumer

from tools.lab.ground.http import Connections
from tools.lab.ground.waiting import eventually
from tools.lab.look import mail as mailbox
from tools.lab.look import topics, trace
from tools.lab.look.flow import Flow

BACKLOG = 20_000  # messages
KEYS = 2_000
CATCH_UP_SECONDS = 900  # 10,000 accounts are 10,000 customers at the provider, and as many mails
MODEST = 50  # messages a second
SECONDS = 10
REGISTRATIONS = 30
WRITES = 400
TOPIC = "catalog"  # no handler acts on a message of this type
RECORD = """insert into outbox (message_id, topic, type, key, data, traceparent)
select gen_random_uuid()::text, %(topic)s, 'bench.measured', 'key ' || (n %% %(keys)s),
  jsonb_build_object('n', n), ''
from generate_series(1, %(count)s) n"""
RATE = """select (count(*) - 500) / extract(epoch from max(published_at) - min(published_at))
from outbox where type = 'bench.measured' and published_at is not null"""


def catch_up(system):
    """Wait until every message that was recorded has been processed."""
    if system.settings.get("KAFKA_BOOTSTRAP_SERVERS"):
        eventually(Flow(system).is_settled, within=CATCH_UP_SECONDS)


def _unpublished(system):
    with system.servers["monolith"].connect("monolith") as connection:
        return connection.execute(
            "select count(*) from outbox where published_at is null"
        ).fetchone()[0]


def figures(system):
    return {
        **from_a_backlog(system),
        **to_kafka(system),
        **to_a_mail(system),
        **cost_of_a_row(system),
    }


def percentiles(name, milliseconds):
    ranked = sorted(milliseconds)
    return {f"{name}, p{share}, ms": [ranked[len(ranked) * share // 100]] for share in (50, 99)}


def cost_of_a_row(system):
    """The time of a write with an outbox row in its transaction, against the same write without;
    medians of writes in turn."""
    without_row = []
    with_row = []
    with system.servers["monolith"].connect("monolith") as connection:
        connection.execute(
            "create table measured (id int generated always as identity primary key, note text)"
        )
        for _ in range(WRITES):
            for has_row, times in ((False, without_row), (True, with_row)):
                began = time.perf_counter()
                with connection.transaction():
                    connection.execute("insert into measured (note) values ('one')")
                    if has_row:
                        connection.execute(RECORD, {"topic": TOPIC, "keys": 1, "count": 1})
                        connection.execute("notify outbox")
                times.append(time.perf_counter() - began)
        connection.execute("drop table measured")
    return {
        "a write with an outbox row, p50 against one without": [
            median(with_row) / median(without_row)
        ]
    }


def from_a_backlog(system):
    """Messages a second, from the mark of the first batch to that of the last."""
    system.supervisor.stop("relay")
    with system.servers["monolith"].connect("monolith") as connection:
        connection.execute(RECORD, {"topic": TOPIC, "keys": KEYS, "count": BACKLOG})
        system.supervisor.start("relay")
        eventually(lambda: _unpublished(system) == 0, within=120)
        rate = float(connection.execute(RATE).fetchone()[0])
    return {"relay, messages a second from a backlog": [rate]}


def to_kafka(system):
    """The time from the commit of a message until it can be read from Kafka, at a modest rate; in
    milliseconds."""
    committed = {}
    seen = {}
    done = threading.Event()
    reader = threading.Thread(
        target=_read, args=[system.settings["KAFKA_BOOTSTRAP_SERVERS"], seen, done], daemon=True
    )
    reader.start()
    eventually(lambda: "ready" in seen, within=30)
    with system.servers["monolith"].connect("monolith") as connection:
        began = time.perf_counter()
        for number in range(MODEST * SECONDS):
            time.sleep(max(0.0, began + number / MODEST - time.perf_counter()))
            with connection.transaction():
                connection.execute(RECORD, {"topic": TOPIC, "keys": 1, "count": 1})
                connection.execute("notify outbox")
            committed[number] = time.perf_counter()
    eventually(lambda: len(seen) > len(committed), within=30)
    done.set()
    reader.join()
    return percentiles(
        "commit to readable in Kafka",
        [1000 * (seen[number] - committed[number]) for number in committed],
    )


def _read(address, seen, done):
    """Write into seen when each message from now on could be read: {number: time}, and ready when
    reading begins."""
    consumer = KafkaConsumer(
        bootstrap_servers=address, enable_auto_commit=False, fetch_max_wait_ms=10
    )
    partitions = topics.partitions_of(consumer, TOPIC)
    consumer.assign(partitions)
    consumer.seek_to_end(*partitions)
    for partition in partitions:
        consumer.position(partition)
    seen["ready"] = time.perf_counter()
    count = 0
    while not done.is_set():
        for records in consumer.poll(timeout_ms=50).values():
            for _ in records:
                seen[count] = time.perf_counter()
                count += 1
    consumer.close()


def register(system):
    """{email: time of the answer} of new accounts; each registers after the previous one has its
    welcome mail."""
    connection = Connections(system.base_url)
    answered = {}
    for _ in range(REGISTRATIONS):
        email = f"{uuid.uuid4().hex}@encore.example"
        connection.ask(
            "POST", "/api/accounts", {"email": email, "password": "correct horse", "name": "Ada"}
        )
        answered[email] = time.time()
        eventually(lambda email=email: mailbox.messages(system.mail_url, email), within=30)
    return answered


def window(system, folder):
    """The time from the mail server's acceptance to the commit of the handler's transaction, in
    milliseconds: if the process dies in this time, the mail is sent again."""
    register(system)
    return percentiles(
        "mail accepted to committed",
        eventually(lambda: len(gaps := _gaps(folder)) >= REGISTRATIONS and gaps),
    )


def _gaps(folder):
    spans = [span for each in trace.read_spans(folder).values() for span in each]
    by_id = {span["spanId"]: span for span in spans}
    mails = [span for span in spans if span["name"] == "send mail"]
    return [
        (int(by_id[mail["parentSpanId"]]["endTimeUnixNano"]) - int(mail["endTimeUnixNano"])) / 1e6
        for mail in mails
        if mail["parentSpanId"] in by_id
    ]


def to_a_mail(system):
    """The time from the answer to a registration until the mail server has the welcome mail, in
    milliseconds."""
    answered = register(system)
    mails = {email: mailbox.messages(system.mail_url, email)[0]["Created"] for email in answered}
    return percentiles(
        "registered to welcome mail",
        [
            1000 * (datetime.fromisoformat(mails[email]).timestamp() - at)
            for email, at in answered.items()
        ],
    )
