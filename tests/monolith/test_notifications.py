import ssl
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Sink
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from kit.refusals import Unavailable
from monolith.notifications.mailer import Mailer
from tools.lab.ground.waiting import free_port


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


@pytest.fixture
def certificate(tmp_path):
    """The path of a file with the key and the certificate of a mail server at 127.0.0.1."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([])
    today, day = datetime.now(UTC), timedelta(days=1)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), 1, today - day, today + day)
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), True)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    as_is = (serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path = tmp_path / "server.pem"
    path.write_bytes(key.private_bytes(pem, *as_is) + made.public_bytes(pem))
    return path


@pytest.fixture(params=["smtps", "starttls"])
def mailer_over_tls(request, certificate):
    """A mailer, and a mail server with a certificate that no authority has signed."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    option, url = {
        "smtps": ("ssl_context", "smtps://127.0.0.1:{}"),
        "starttls": ("tls_context", "smtp://127.0.0.1:{}?starttls"),
    }[request.param]
    server = Controller(Sink(), hostname="127.0.0.1", port=free_port(), **{option: context})
    server.start()
    yield Mailer(url.format(server.port), sender="tickets@encore.example")
    server.stop()


def test_a_mail_server_with_an_unknown_certificate_is_unavailable(mailer_over_tls):
    with pytest.raises(Unavailable), mailer_over_tls.connection():
        pass


def test_a_mail_server_with_a_known_certificate_is_used(mailer_over_tls, certificate, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))

    with mailer_over_tls.connection() as connection:
        assert connection.noop()[0] == 250
