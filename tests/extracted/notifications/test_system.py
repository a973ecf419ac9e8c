"""The service among the others: what it takes over, who may listen beside it, and what a sudden death costs."""

import re
import signal
import uuid
from contextlib import suppress
from itertools import product

import psycopg

from extracted.kit import kafka
from extracted.kit.message import read
from extracted.notifications.worker import GROUPS
from tools.lab import inbox, topics
from tools.lab.tree import HERE

PAGE = HERE.path / "docs" / "steps" / "07-notifications.md"
VICTIMS = ("relay", "notifications-worker", "postgres-notifications")  # Kafka is in the drill of the kit
FAULTS = {  # what is done to a process, and what brings it back
    "killed": (lambda supervisor, name: supervisor.kill(name), lambda supervisor, name: None),
    "stopped": (lambda supervisor, name: supervisor.kill(name, signal.SIGSTOP), lambda supervisor, name: supervisor.kill(name, signal.SIGCONT)),
    "restarted": (lambda supervisor, name: supervisor.stop(name), lambda supervisor, name: supervisor.start(name)),
}
BETWEEN = {("notifications-worker", "killed"), ("postgres-notifications", "killed"), ("postgres-notifications", "restarted")}  # a mail and its receipt


def book(encore):
    """The id of a booking that the fan makes."""
    fan = encore.sign_in("fan@encore.example")
    event = fan.request("GET", "/api/events").json["items"][0]["id"]
    seat = next(seat["id"] for seat in fan.request("GET", f"/api/events/{event}/seats").json["items"] if seat["status"] == "free")
    hold = fan.request("POST", f"/api/events/{event}/holds", json={"seats": [seat]}).json["id"]
    return fan.request("POST", "/api/bookings", json={"hold_id": hold, "payment_method": "pm_card_visa"}).json["id"]


def test_whoever_wants_to_listen_too_asks_nobody(encore, eventually):
    booking, heard = book(encore), []
    newcomer = kafka.Broker({"bootstrap_servers": [encore.system.settings["KAFKA_BOOTSTRAP_SERVERS"]]}).source("box-office", ["bookings"])

    def hear():
        heard.extend(read(record.topic, record.key, record.value, record.headers) for record in newcomer.poll())
        return [message.type for message in heard if message.key == booking]

    eventually(lambda: hear() == ["booking.requested", "booking.confirmed"], within=30)
    newcomer.close()
    eventually(lambda: [mail["subject"].split()[0] for mail in encore.mails(to="fan@encore.example")] == ["Your"])


def test_the_service_goes_on_where_the_group_of_its_name_has_been_and_with_the_receipts_that_it_left(encore, eventually):
    """So the part that left the monolith, whose group was called notifications there, mails nobody again."""
    first = book(encore)
    address = encore.system.settings["KAFKA_BOOTSTRAP_SERVERS"]

    def mailed(booking):
        return any(booking in mail["text"] for mail in encore.mails())

    def behind():
        with topics.reader(address) as consumer:
            ends = consumer.end_offsets([each for name in ("accounts", "bookings") for each in topics.partitions_of(consumer, name)])
        committed = topics.offsets(address).get("notifications", {})
        return [each for each, end in ends.items() if end and (each not in committed or committed[each].offset < end)]

    assert "notifications" in GROUPS
    eventually(lambda: mailed(first), within=30)
    eventually(lambda: behind() == [], within=30)
    encore.stop("notifications-worker")
    with encore.system.servers["notifications"].connect("notifications") as connection:
        connection.execute("truncate inbox")  # so that nothing but the offsets keeps it from mailing again
    before = len(encore.mails())
    account = encore.request("POST", "/api/accounts", json={"email": "mailed@encore.example", "password": "correct horse", "name": "Mailed before"}).json
    said = eventually(lambda: [said for said in encore.events("accounts") if said["key"] == account["id"]])
    with encore.system.servers["monolith"].connect("monolith") as old, encore.system.servers["notifications"].connect("notifications") as new:
        old.execute("insert into inbox (consumer, message_id) values ('notifications', %s)", [said[0]["headers"]["ce_id"]])
        taken, put = re.search(r'psql \$OLD -c "(.+)" \| psql \$NEW -c "(.+)"`', PAGE.read_text()).groups()
        with old.cursor().copy(taken) as receipts, new.cursor().copy(put) as written:
            for block in receipts:
                written.write(block)

    encore.system.supervisor.start("notifications-worker")
    another = book(encore)

    eventually(lambda: mailed(another), within=30)
    eventually(lambda: behind() == [], within=30)
    assert len(encore.mails()) == before + 1


def test_whoever_is_killed_stopped_or_restarted_each_is_welcomed_and_only_a_death_between_a_mail_and_its_receipt_repeats_it(encore, eventually):
    supervisor, people, mails_after = encore.system.supervisor, 0, []

    def register():
        mail = {"email": f"{uuid.uuid4().hex}@encore.example", "password": "correct horse", "name": "Ada"}
        return encore.request("POST", "/api/accounts", json=mail).status

    def noted():
        with suppress(psycopg.OperationalError):  # it may not be back yet
            return encore.rows("notifications", "select count(*) from mails")[0][0]

    for victim, (away, back) in product(VICTIMS, FAULTS.values()):
        assert [register() for _ in range(5)] == [201] * 5
        away(supervisor, victim)
        assert [register() for _ in range(2)] == [201] * 2
        back(supervisor, victim)
        people += 7
        eventually(lambda: noted() == people, within=30)  # noqa: B023 - asked at once
        mails_after.append(len(inbox.messages(encore.system.mail_url, limit=1000)))

    repeated = {each: count - before - 7 for each, before, count in zip(product(VICTIMS, FAULTS), [0, *mails_after], mails_after, strict=False)}
    assert all(count in (0, each in BETWEEN) for each, count in repeated.items()), repeated
