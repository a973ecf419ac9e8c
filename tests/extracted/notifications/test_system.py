"""The service in the system: migration from the monolith, other subscribers, kills and restarts."""

import signal
import subprocess
import sys
import uuid
from contextlib import suppress
from itertools import product

import psycopg

from extracted.notifications.worker import GROUPS
from tools.lab.ground.tree import HERE
from tools.lab.look import mail as mailbox
from tools.lab.look import topics

# as docs/steps/07-notifications.md says
COPY_OUT = "copy (select * from inbox where consumer = 'notifications') to stdout"
COPY_IN = "copy inbox from stdin"
VICTIMS = (
    "bookings-relay",
    "notifications-worker",
    "postgres-notifications",
)  # tests/kit restarts Kafka
FAULTS = {  # {fault: (cause, repair)}
    "killed": (lambda supervisor, name: supervisor.kill(name), lambda supervisor, name: None),
    "stopped": (
        lambda supervisor, name: supervisor.kill(name, signal.SIGSTOP),
        lambda supervisor, name: supervisor.kill(name, signal.SIGCONT),
    ),
    "restarted": (
        lambda supervisor, name: supervisor.stop(name),
        lambda supervisor, name: supervisor.start(name),
    ),
}
BETWEEN = {
    ("notifications-worker", "killed"),
    ("postgres-notifications", "killed"),
    ("postgres-notifications", "restarted"),
}  # between a mail and its inbox row


def book(encore):
    """Book a seat as the fan and return the booking's id."""
    fan = encore.sign_in("fan@encore.example")
    event = fan.request("GET", "/api/events").json["items"][0]["id"]
    seat = next(
        seat["id"]
        for seat in fan.request("GET", f"/api/events/{event}/seats").json["items"]
        if seat["status"] == "free"
    )
    hold = fan.request("POST", f"/api/events/{event}/holds", json={"seats": [seat]}).json["id"]
    return fan.request(
        "POST", "/api/bookings", json={"hold_id": hold, "payment_method": "pm_card_visa"}
    ).json["id"]


NEWCOMER = """
import sys
from kit import kafka

source = kafka.Broker({"bootstrap_servers": [sys.argv[1]]}).source("box-office", ["bookings"])
while True:
    for record in source.poll():
        print(record.key.decode(), dict(record.headers)["ce_type"].decode(), flush=True)
"""


def test_a_new_subscriber_needs_no_change_elsewhere(encore, eventually, tmp_path):
    booking, received = book(encore), tmp_path / "received"
    address = encore.system.settings["KAFKA_BOOTSTRAP_SERVERS"]
    with received.open("w") as file:
        newcomer = subprocess.Popen(
            [sys.executable, "-c", NEWCOMER, address], cwd=HERE.path, stdout=file
        )

    def received_types():
        lines = (line.split() for line in received.read_text().splitlines())
        return [type for key, type in lines if key == booking]

    try:
        eventually(
            lambda: received_types() == ["booking.requested", "booking.confirmed"], within=30
        )
    finally:
        newcomer.kill()
        newcomer.wait()
    eventually(
        lambda: (
            [mail["subject"].split()[0] for mail in encore.mails(to="fan@encore.example")]
            == ["Your"]
        )
    )


def test_the_service_continues_from_the_monoliths_offsets_and_inbox(encore, eventually):
    """The service keeps the group name of the old module, so no mail is sent twice."""
    first = book(encore)
    address = encore.system.settings["KAFKA_BOOTSTRAP_SERVERS"]

    def mailed(booking):
        return any(booking in mail["text"] for mail in encore.mails())

    def behind():
        with topics.reader(address) as consumer:
            ends = consumer.end_offsets(
                [
                    each
                    for name in ("accounts", "bookings")
                    for each in topics.partitions_of(consumer, name)
                ]
            )
        committed = topics.offsets(address).get("notifications", {})
        return [
            each
            for each, end in ends.items()
            if end and (each not in committed or committed[each].offset < end)
        ]

    assert "notifications" in GROUPS
    eventually(lambda: mailed(first), within=30)
    eventually(lambda: behind() == [], within=30)
    encore.stop("notifications-worker")
    with encore.system.servers["notifications"].connect("notifications") as connection:
        connection.execute("truncate inbox")  # now only the offsets prevent a second mail
    before = len(encore.mails())
    account = encore.request(
        "POST",
        "/api/accounts",
        json={
            "email": "mailed@encore.example",
            "password": "correct horse",
            "name": "Mailed before",
        },
    ).json
    messages = eventually(
        lambda: [
            message for message in encore.events("accounts") if message["key"] == account["id"]
        ]
    )
    with (
        encore.system.servers["monolith"].connect("monolith") as old,
        encore.system.servers["notifications"].connect("notifications") as new,
    ):
        old.execute(
            "insert into inbox (consumer, message_id) values ('notifications', %s)",
            [messages[0]["headers"]["ce_id"]],
        )
        with old.cursor().copy(COPY_OUT) as inbox_rows, new.cursor().copy(COPY_IN) as copied:
            for block in inbox_rows:
                copied.write(block)

    encore.system.supervisor.start("notifications-worker")
    another = book(encore)

    eventually(lambda: mailed(another), within=30)
    eventually(lambda: behind() == [], within=30)
    assert len(encore.mails()) == before + 1


def test_faults_lose_no_mail_and_rarely_repeat_one(encore, eventually):
    supervisor, people, mails_after = encore.system.supervisor, 0, []

    def register():
        mail = {
            "email": f"{uuid.uuid4().hex}@encore.example",
            "password": "correct horse",
            "name": "Ada",
        }
        return encore.request("POST", "/api/accounts", json=mail).status

    def count_mails():
        with suppress(psycopg.OperationalError):  # the database may still be starting
            return encore.rows("notifications", "select count(*) from mails")[0][0]

    for victim, (cause, repair) in product(VICTIMS, FAULTS.values()):
        assert [register() for _ in range(5)] == [201] * 5
        cause(supervisor, victim)
        assert [register() for _ in range(2)] == [201] * 2
        repair(supervisor, victim)
        people += 7
        eventually(lambda: count_mails() == people, within=30)  # noqa: B023 - called at once
        mails_after.append(len(mailbox.messages(encore.system.mail_url, limit=1000)))

    repeated = {
        each: count - before - 7
        for each, before, count in zip(
            product(VICTIMS, FAULTS), [0, *mails_after], mails_after, strict=False
        )
    }
    assert all(count in (0, each in BETWEEN) for each, count in repeated.items()), repeated
