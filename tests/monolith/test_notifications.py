from email.message import EmailMessage

import pytest
from aiosmtpd.controller import Controller

from kit.refusals import Unavailable
from monolith.notifications.mailer import Mailer, Refused
from tools.lab.ground.waiting import free_port


def mails(lab_services, to):
    return [mail for mail in lab_services.mails() if mail["to"] == to]


def test_a_new_account_gets_one_welcome_mail(lab_services, sign_up, catch_up):
    sign_up("unique.welcome")
    catch_up()
    catch_up()

    assert [mail["subject"] for mail in mails(lab_services, "unique.welcome@encore.example")] == [
        "Welcome to Encore"
    ]


def test_the_confirmation_mail_lists_the_booked_seats(sign_up, event, buy, lab_services, catch_up):
    buyer = sign_up("unique.buyer")

    booking = buy(buyer, event, event.seats[:2])
    catch_up()

    confirmation = next(
        mail
        for mail in mails(lab_services, "unique.buyer@encore.example")
        if "tickets" in mail["subject"]
    )
    assert booking["id"] in confirmation["text"]
    assert "Stalls, row A, seat 2" in confirmation["text"]
    assert "90.00 EUR" in confirmation["text"]


def test_no_mail_is_sent_for_declined_bookings(sign_up, event, buy, lab_services, catch_up):
    buyer = sign_up("unique.declined")

    buy(buyer, event, event.seats[:1], card="pm_card_visa_chargeDeclined")
    catch_up()

    assert [mail["subject"] for mail in mails(lab_services, "unique.declined@encore.example")] == [
        "Welcome to Encore"
    ]


def test_a_line_break_in_a_title_adds_no_header(sign_up, make_event, buy, lab_services, catch_up):
    buyer, event = (
        sign_up("unique.header"),
        make_event(title="Hours\r\nBcc: everybody@encore.example"),
    )

    buy(buyer, event, event.seats[:1])
    catch_up()

    assert any(
        mail["subject"] == "Your tickets for Hours Bcc: everybody@encore.example"
        for mail in mails(lab_services, "unique.header@encore.example")
    )


def test_an_encoded_word_in_a_title_adds_no_header(
    sign_up, make_event, buy, lab_services, catch_up
):
    buyer, event = (
        sign_up("unique.encoded"),
        make_event(title="Hours =?utf-8?q?a=0ABcc:_everybody?="),
    )

    buy(buyer, event, event.seats[:1])
    catch_up()

    subjects = [mail["subject"] for mail in mails(lab_services, "unique.encoded@encore.example")]
    assert subjects == [
        "Welcome to Encore",
        "Your tickets for Hours = ?utf-8?q?a=0ABcc:_everybody?=",
    ]


def test_an_undeliverable_address_does_not_block_other_mail(
    sign_up, process, lab_services, catch_up, monkeypatch
):
    send = process.mailer.send

    def choosy(message):
        if message["To"].startswith("unique.nowhere"):
            raise Refused("no such mailbox")
        send(message)

    monkeypatch.setattr(process.mailer, "send", choosy)
    sign_up("unique.nowhere")
    sign_up("unique.behind")

    catch_up()

    assert len(mails(lab_services, "unique.behind@encore.example")) == 1


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


def test_customers_register_and_book_while_mail_is_down(
    sign_up, event, buy, process, catch_up, lab_services, eventually
):
    working, process.mailer = (
        process.mailer,
        Mailer("smtp://127.0.0.1:1", sender="tickets@encore.example"),
    )
    buyer = sign_up("unique.patient")
    assert buy(buyer, event, event.seats[:1])["status"] == "confirmed"
    catch_up()
    assert mails(lab_services, "unique.patient@encore.example") == []

    process.mailer = working

    eventually(lambda: catch_up() or len(mails(lab_services, "unique.patient@encore.example")) == 2)
    catch_up()
    assert sorted(
        mail["subject"] for mail in mails(lab_services, "unique.patient@encore.example")
    ) == ["Welcome to Encore", "Your tickets for Small Hours"]


def test_a_mail_server_without_an_answer_is_unavailable():
    with pytest.raises(Unavailable):
        Mailer("smtp://127.0.0.1:1", sender="tickets@encore.example").send(EmailMessage())
