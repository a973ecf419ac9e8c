import ssl
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from ipaddress import ip_address

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Sink
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from kit.failures import TryLater
from kit.message import Message
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
    "data",
    [
        {},
        {"id": 1, "email": 5, "name": []},
        {"id": "nul \0", "email": "ada@encore.example", "name": "Ada"},
        {"id": "feed", "email": "ada@encore.example\nBcc: all@encore.example", "name": "Ada"},
    ],
)
def test_a_message_of_any_content_stops_no_mail(
    broker, sign_up, catch_up, lab_services, eventually, data
):
    before = len(mails(lab_services, "unique.after@encore.example"))
    poison = Message("accounts", "account.registered", "key", data, recorded_at=datetime.now(UTC))
    broker.send([poison])

    sign_up("unique.after")

    eventually(
        lambda: catch_up() or len(mails(lab_services, "unique.after@encore.example")) == before + 1
    )


def mail_to(address):
    message = EmailMessage()
    message["From"], message["To"] = "tickets@encore.example", address
    return message


@pytest.fixture
def send():
    """Send a mail to a mail server that answers with these codes."""

    def send(*, sender=250, rcpt=250, data=250, to="nobody@encore.example"):
        class Choosy:
            async def handle_MAIL(self, server, session, envelope, address, options):
                envelope.mail_from = address
                return f"{sender} as you say"

            async def handle_RCPT(self, server, session, envelope, address, options):
                envelope.rcpt_tos.append(address)
                return f"{rcpt} as you say"

            async def handle_DATA(self, *arguments):
                return f"{data} as you say"

        server = Controller(Choosy(), hostname="127.0.0.1", port=free_port())
        server.start()
        try:
            mailer = Mailer(f"smtp://127.0.0.1:{server.port}", sender="tickets@encore.example")
            mailer.send(mail_to(to))
        finally:
            server.stop()

    return send


@pytest.mark.parametrize("code", [501, 504, 550, 551, 552, 553, 554, 556])
def test_a_mail_that_no_server_takes_is_refused(send, code):
    with pytest.raises(Refused, match=f"{code} as you say"):
        send(rcpt=code)
    with pytest.raises(Refused, match=f"{code} as you say"):
        send(data=code)


@pytest.mark.parametrize("code", [450, 451, 452])
def test_a_mail_that_is_not_taken_now_is_tried_later(send, code):
    with pytest.raises(TryLater, match=f"{code} as you say"):
        send(rcpt=code)
    with pytest.raises(TryLater, match=f"{code} as you say"):
        send(data=code)


@pytest.mark.parametrize(
    "codes",
    [{"sender": 451}, {"sender": 550}, {"rcpt": 421}, {"rcpt": 530}, {"data": 421}],
)
def test_a_server_that_takes_no_mail_is_unavailable(send, codes):
    with pytest.raises(Unavailable):
        send(**codes)


def test_a_mail_to_nobody_is_refused(send):
    with pytest.raises(Refused, match="no recipient"):
        send(to="")


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
    with pytest.raises(Unavailable):
        mailer_over_tls.send(EmailMessage())


def test_a_mail_server_with_a_known_certificate_is_used(mailer_over_tls, certificate, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))

    mailer_over_tls.send(mail_to("ada@encore.example"))
