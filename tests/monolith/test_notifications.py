import pytest

from kit.refusals import Unavailable
from monolith.notifications.mailer import Mailer


def mails(lab_services, to):
    return [mail for mail in lab_services.mails() if mail["to"] == to]


def test_a_new_account_gets_one_welcome_mail(fan, lab_services, sign_up):
    sign_up("unique.welcome")

    assert [mail["subject"] for mail in mails(lab_services, "unique.welcome@encore.example")] == [
        "Welcome to Encore"
    ]


def test_the_confirmation_mail_lists_the_booked_seats(sign_up, event, buy, lab_services):
    buyer = sign_up("unique.buyer")

    booking = buy(buyer, event, event.seats[:2])

    confirmation = next(
        mail
        for mail in mails(lab_services, "unique.buyer@encore.example")
        if "tickets" in mail["subject"]
    )
    assert booking["id"] in confirmation["text"]
    assert "Stalls, row A, seat 2" in confirmation["text"]
    assert "90.00 EUR" in confirmation["text"]


def test_no_mail_is_sent_for_declined_bookings(sign_up, event, buy, lab_services):
    buyer = sign_up("unique.declined")

    buy(buyer, event, event.seats[:1], card="pm_card_visa_chargeDeclined")

    assert [mail["subject"] for mail in mails(lab_services, "unique.declined@encore.example")] == [
        "Welcome to Encore"
    ]


def test_a_line_break_in_a_title_adds_no_header(sign_up, make_event, buy, lab_services):
    buyer, event = (
        sign_up("unique.header"),
        make_event(title="Hours\r\nBcc: everybody@encore.example"),
    )

    buy(buyer, event, event.seats[:1])

    assert any(
        mail["subject"] == "Your tickets for Hours Bcc: everybody@encore.example"
        for mail in mails(lab_services, "unique.header@encore.example")
    )


def test_an_encoded_word_in_a_title_adds_no_header(sign_up, make_event, buy, lab_services):
    buyer, event = (
        sign_up("unique.encoded"),
        make_event(title="Hours =?utf-8?q?a=0ABcc:_everybody?="),
    )

    buy(buyer, event, event.seats[:1])

    subjects = [mail["subject"] for mail in mails(lab_services, "unique.encoded@encore.example")]
    assert subjects == [
        "Welcome to Encore",
        "Your tickets for Hours = ?utf-8?q?a=0ABcc:_everybody?=",
    ]


def test_no_card_is_charged_while_mail_is_down(fan, event, process, ledger):
    hold_id = fan.post(f"/api/events/{event.id}/holds", json={"seats": event.seats[:1]}).json["id"]
    before, working = len(ledger()), process.mailer
    process.mailer = Mailer("smtp://127.0.0.1:1", sender="tickets@encore.example")

    refused = fan.post("/api/bookings", json={"hold_id": hold_id, "payment_method": "pm_card_visa"})

    assert refused.status_code == 503
    assert len(ledger()) == before
    process.mailer = working
    assert (
        fan.post("/api/bookings", json={"hold_id": hold_id, "payment_method": "pm_card_visa"}).json[
            "status"
        ]
        == "confirmed"
    )


def test_a_mail_server_without_an_answer_is_unavailable():
    with (
        pytest.raises(Unavailable),
        Mailer("smtp://127.0.0.1:1", sender="tickets@encore.example").connection(),
    ):
        pass
