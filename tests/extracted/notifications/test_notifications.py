"""Each message causes one mail; a confirmation waits for its account and its event."""

from email.message import EmailMessage

import pytest
from aiosmtpd.controller import Controller
from sqlalchemy import delete, select

from extracted.notifications import copies
from extracted.notifications.mailer import Mailer, Refused
from extracted.notifications.model import Address
from extracted.notifications.worker import GROUPS
from kit import inbox, worker
from kit.refusals import Unavailable
from tools.lab.ground.waiting import free_port

ADA = ("accounts", "account.registered", {"id": "ada", "email": "ada.listens@encore.example"})
BOB = ("accounts", "account.registered", {"id": "bob", "email": "bob.listens@encore.example"})
CONCERT = ("catalog", "event.scheduled", {"id": "concert", "title": "Small Hours"})
BOOKED = ("bookings", "booking.confirmed", {"account_id": "ada", "event_id": "concert"})
DECLINED = ("bookings", "booking.declined", {"account_id": "ada", "event_id": "concert"})
COPIES = "notifications-copies"


@pytest.fixture
def subjects(lab_services):
    """A function: the subjects of the mails that a person got since the test began."""

    def mailed(person):
        return [
            mail["subject"] for mail in lab_services.mails(to=f"{person}.listens@encore.example")
        ]

    before = {person: len(mailed(person)) for person in ("ada", "bob")}
    return lambda person="ada": mailed(person)[before[person] :]


def test_a_welcome_and_a_confirmation_are_mailed(deliver, subjects, lab_services):
    deliver(ADA, CONCERT)
    deliver(BOOKED, DECLINED)
    deliver()

    assert subjects() == ["Welcome to Encore", "Your tickets for Small Hours"]
    text = lab_services.mails(to="ada.listens@encore.example")[-1]["text"]
    assert "Stalls, row A, seat 2" in text
    assert "Lantern Hall, Lisbon, 01 June 2030, 19:30 UTC" in text


def test_a_snapshot_fills_copies_and_sends_no_mail(deliver, subjects):
    deliver(ADA, CONCERT, BOOKED, snapshot=True)
    assert subjects() == []

    deliver(BOOKED)

    assert subjects() == ["Your tickets for Small Hours"]


def test_a_confirmation_mail_waits_for_its_account(deliver, subjects, eventually):
    deliver(BOOKED, only="notifications")
    assert subjects() == []

    deliver(ADA, CONCERT)

    eventually(
        lambda: (
            deliver() or sorted(subjects()) == ["Welcome to Encore", "Your tickets for Small Hours"]
        )
    )


def test_no_mail_is_lost_while_mail_is_down(deliver, process, subjects, eventually):
    working, process.mailer = (
        process.mailer,
        Mailer("smtp://127.0.0.1:1", sender="tickets@encore.example"),
    )
    deliver(ADA, CONCERT)
    deliver(BOOKED)
    assert subjects() == []

    process.mailer = working

    eventually(
        lambda: (
            deliver() or sorted(subjects()) == ["Welcome to Encore", "Your tickets for Small Hours"]
        )
    )
    deliver()
    assert len(subjects()) == 2


def test_no_title_can_add_a_mail_header(deliver, subjects):
    deliver(
        ADA,
        (
            *CONCERT[:2],
            {"id": "concert", "title": "Hours =?utf-8?q?a=0ABcc:_everybody?=\r\nBcc: all"},
        ),
    )
    deliver(BOOKED)

    assert subjects() == [
        "Welcome to Encore",
        "Your tickets for Hours = ?utf-8?q?a=0ABcc:_everybody?= Bcc: all",
    ]


def test_mail_to_an_undeliverable_address_can_be_replayed(deliver, subjects, process, monkeypatch):
    working = process.mailer.send

    def choosy(message):
        if message["To"].startswith("ada"):
            raise Refused("no such mailbox")
        working(message)

    monkeypatch.setattr(process.mailer, "send", choosy)
    deliver(ADA, BOB)
    assert subjects() == []
    assert subjects("bob") == ["Welcome to Encore"]

    monkeypatch.setattr(process.mailer, "send", working)
    replay(process)
    replay(process)

    assert subjects() == ["Welcome to Encore"]


@pytest.mark.parametrize(
    ("rcpt", "data", "raised"),
    [
        (550, 250, Refused),
        (450, 250, Unavailable),
        (554, 250, Unavailable),
        (250, 554, Refused),
        (250, 451, Unavailable),
    ],
)
def test_permanent_and_temporary_mail_errors_are_distinguished(rcpt, data, raised):
    class Choosy:
        async def handle_RCPT(self, server, session, envelope, address, options):
            envelope.rcpt_tos.append(address)
            return f"{rcpt} as you say"

        async def handle_DATA(self, *arguments):
            return f"{data} as you say"

    server = Controller(Choosy(), hostname="127.0.0.1", port=free_port())
    server.start()
    message = EmailMessage()
    message["From"], message["To"] = "tickets@encore.example", "nobody@encore.example"

    with pytest.raises(raised):
        Mailer(f"smtp://127.0.0.1:{server.port}", sender="tickets@encore.example").send(message)
    server.stop()


def test_an_older_version_never_replaces_a_newer(deliver, process):
    deliver((*ADA[:2], {**ADA[2], "name": "Ada, the newer", "aggregate_version": 3}), only=COPIES)
    deliver((*ADA[:2], {**ADA[2], "name": "Ada, the older", "aggregate_version": 2}), only=COPIES)

    assert addresses(process) == ["Ada, the newer"]


def test_copies_can_be_deleted_and_built_again(deliver, process, broker):
    deliver(ADA, BOB, only=COPIES)
    before = addresses(process)
    with process.database.transaction() as session:
        session.execute(delete(Address))
        session.execute(delete(inbox.inbox).where(inbox.inbox.c.consumer == COPIES))
    broker.offsets.clear()

    source = broker.source(COPIES, copies.TOPICS)
    worker.consumer(COPIES, copies, process, source, process.database).step()

    assert addresses(process) == before != []


def replay(process):
    databases = dict.fromkeys(GROUPS, process.database)
    worker.main(["replay"], GROUPS, process, {}, databases=databases)


def addresses(process):
    with process.database.transaction() as session:
        return sorted(session.scalars(select(Address.name)))
