"""Mail follows facts, each once; a confirmation waits until its account and its event are known."""

from email.message import EmailMessage

import pytest
from aiosmtpd.controller import Controller
from sqlalchemy import delete, select

from extracted.kit import inbox, worker
from extracted.notifications import copies
from extracted.notifications.mailer import Away, Mailer, Refused
from extracted.notifications.model import Address
from extracted.notifications.worker import GROUPS
from tools.lab.waiting import free_port

ADA = ("accounts", "account.registered", {"id": "ada", "email": "ada.listens@encore.example"})
BOB = ("accounts", "account.registered", {"id": "bob", "email": "bob.listens@encore.example"})
CONCERT = ("catalog", "event.scheduled", {"id": "concert", "title": "Small Hours"})
BOOKED = ("bookings", "booking.confirmed", {"account_id": "ada", "event_id": "concert"})
DECLINED = ("bookings", "booking.declined", {"account_id": "ada", "event_id": "concert"})
COPIES = "notifications-copies"


@pytest.fixture
def subjects(lab_services):
    """The subjects of the mails that somebody got since this test began."""

    def mailed(who):
        return [mail["subject"] for mail in lab_services.mails(to=f"{who}.listens@encore.example")]

    before = {who: len(mailed(who)) for who in ("ada", "bob")}
    return lambda who="ada": mailed(who)[before[who] :]


def test_a_new_account_is_welcomed_and_a_booking_confirmed_with_its_seats(hear, subjects, lab_services):
    hear(ADA, CONCERT)
    hear(BOOKED, DECLINED)
    hear()

    assert subjects() == ["Welcome to Encore", "Your tickets for Small Hours"]
    text = lab_services.mails(to="ada.listens@encore.example")[-1]["text"]
    assert "Stalls, row A, seat 2" in text
    assert "Lantern Hall, Lisbon, 01 June 2030, 19:30 UTC" in text


def test_what_is_announced_fills_the_copies_and_is_mailed_to_nobody(hear, subjects):
    hear(ADA, CONCERT, BOOKED, announced=True)
    assert subjects() == []

    hear(BOOKED)

    assert subjects() == ["Your tickets for Small Hours"]


def test_a_confirmation_waits_for_its_account_while_others_are_mailed(hear, subjects, eventually):
    hear(BOOKED, only="notifications")
    assert subjects() == []

    hear(ADA, CONCERT)

    eventually(lambda: hear() or sorted(subjects()) == ["Welcome to Encore", "Your tickets for Small Hours"])


def test_while_the_mail_server_is_away_nothing_is_skipped(hear, process, subjects, eventually):
    working, process.mailer = process.mailer, Mailer("smtp://127.0.0.1:1", sender="tickets@encore.example")
    hear(ADA, CONCERT)
    hear(BOOKED)
    assert subjects() == []

    process.mailer = working

    eventually(lambda: hear() or sorted(subjects()) == ["Welcome to Encore", "Your tickets for Small Hours"])
    hear()
    assert len(subjects()) == 2


def test_a_title_cannot_add_a_header_even_if_it_hides_it_in_an_encoded_word(hear, subjects):
    hear(ADA, (*CONCERT[:2], {"id": "concert", "title": "Hours =?utf-8?q?a=0ABcc:_everybody?=\r\nBcc: all"}))
    hear(BOOKED)

    assert subjects() == ["Welcome to Encore", "Your tickets for Hours = ?utf-8?q?a=0ABcc:_everybody?= Bcc: all"]


def test_an_address_that_nobody_can_write_to_holds_up_nobody_and_its_mail_can_be_sent_later(hear, subjects, process, monkeypatch):
    working = process.mailer.send

    def choosy(message):
        if message["To"].startswith("ada"):
            raise Refused("no such mailbox")
        working(message)

    monkeypatch.setattr(process.mailer, "send", choosy)
    hear(ADA, BOB)
    assert subjects() == []
    assert subjects("bob") == ["Welcome to Encore"]

    monkeypatch.setattr(process.mailer, "send", working)
    worker.replay(GROUPS, process, {}, lambda group: process.transaction, (Away,))
    worker.replay(GROUPS, process, {}, lambda group: process.transaction, (Away,))

    assert subjects() == ["Welcome to Encore"]


@pytest.mark.parametrize(("rcpt", "data", "raised"), [(550, 250, Refused), (450, 250, Away), (554, 250, Away), (250, 554, Refused), (250, 451, Away)])
def test_a_mail_is_refused_if_the_server_will_never_take_it_and_waits_if_it_takes_none_just_now(rcpt, data, raised):
    class Choosy:
        async def handle_RCPT(self, server, session, envelope, address, options):
            envelope.rcpt_tos.append(address)
            return f"{rcpt} as you say"

        async def handle_DATA(self, *told):
            return f"{data} as you say"

    server = Controller(Choosy(), hostname="127.0.0.1", port=free_port())
    server.start()
    message = EmailMessage()
    message["From"], message["To"] = "tickets@encore.example", "nobody@encore.example"

    with pytest.raises(raised):
        Mailer(f"smtp://127.0.0.1:{server.port}", sender="tickets@encore.example").send(message)
    server.stop()


def test_what_is_older_never_replaces_what_is_newer(hear, process):
    hear((*ADA[:2], {**ADA[2], "name": "Ada, the newer", "aggregate_version": 3}), only=COPIES)
    hear((*ADA[:2], {**ADA[2], "name": "Ada, the older", "aggregate_version": 2}), only=COPIES)

    assert addresses(process) == ["Ada, the newer"]


def test_copies_can_be_thrown_away_and_built_again(hear, process, broker):
    hear(ADA, BOB, only=COPIES)
    before = addresses(process)
    with process.transaction() as session:
        session.execute(delete(Address))
        session.execute(delete(inbox.inbox).where(inbox.inbox.c.consumer == COPIES))
    broker.offsets.clear()

    worker.consumer(COPIES, copies, process, broker.source(COPIES, copies.TOPICS), process.transaction, ()).step()

    assert addresses(process) == before != []


def addresses(process):
    with process.transaction() as session:
        return sorted(session.scalars(select(Address.name)))
