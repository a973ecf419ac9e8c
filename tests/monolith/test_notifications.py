import pytest

from monolith.notifications.mailer import Mailer
from monolith.refusals import Unavailable


def mails(lab_services, to):
    return [mail for mail in lab_services.mails() if mail["to"] == to]


def test_a_new_account_is_welcomed_once(fan, lab_services, sign_up):
    sign_up("unique.welcome")

    assert [mail["subject"] for mail in mails(lab_services, "unique.welcome@encore.example")] == ["Welcome to Encore"]


def test_a_confirmed_booking_is_confirmed_by_mail_with_its_seats(sign_up, event, buy, lab_services):
    buyer = sign_up("unique.buyer")

    booking = buy(buyer, event, event.seats[:2])

    confirmation = next(mail for mail in mails(lab_services, "unique.buyer@encore.example") if "tickets" in mail["subject"])
    assert booking["id"] in confirmation["text"]
    assert "Stalls, row A, seat 2" in confirmation["text"]
    assert "90.00 EUR" in confirmation["text"]


def test_a_declined_booking_is_not_mailed(sign_up, event, buy, lab_services):
    buyer = sign_up("unique.declined")

    buy(buyer, event, event.seats[:1], card="pm_card_visa_chargeDeclined")

    assert [mail["subject"] for mail in mails(lab_services, "unique.declined@encore.example")] == ["Welcome to Encore"]


def test_a_title_cannot_add_a_header(sign_up, make_event, buy, lab_services):
    buyer, event = sign_up("unique.header"), make_event(title="Hours\r\nBcc: everybody@encore.example")

    buy(buyer, event, event.seats[:1])

    assert any(mail["subject"] == "Your tickets for Hours Bcc: everybody@encore.example" for mail in mails(lab_services, "unique.header@encore.example"))


def test_nor_can_one_that_hides_it_in_an_encoded_word(sign_up, make_event, buy, lab_services):
    buyer, event = sign_up("unique.encoded"), make_event(title="Hours =?utf-8?q?a=0ABcc:_everybody?=")

    buy(buyer, event, event.seats[:1])

    subjects = [mail["subject"] for mail in mails(lab_services, "unique.encoded@encore.example")]
    assert subjects == ["Welcome to Encore", "Your tickets for Hours = ?utf-8?q?a=0ABcc:_everybody?="]


def test_a_mail_server_that_is_away_is_noticed_before_the_card_is_charged(fan, event, process, ledger):
    hold_id = fan.post(f"/api/events/{event.id}/holds", json={"seats": event.seats[:1]}).json["id"]
    before, working = len(ledger()), process.mailer
    process.mailer = Mailer("smtp://127.0.0.1:1", sender="tickets@encore.example")

    refused = fan.post("/api/bookings", json={"hold_id": hold_id, "payment_method": "pm_card_visa"})

    assert refused.status_code == 503
    assert len(ledger()) == before
    process.mailer = working
    assert fan.post("/api/bookings", json={"hold_id": hold_id, "payment_method": "pm_card_visa"}).json["status"] == "confirmed"


def test_a_server_that_does_not_answer_is_unavailable():
    with pytest.raises(Unavailable), Mailer("smtp://127.0.0.1:1", sender="tickets@encore.example").connection():
        pass
