"""Each message causes one mail; a confirmation waits for its account and its event."""

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
from sqlalchemy import delete, select

from extracted.notifications import copies
from extracted.notifications.mailer import Mailer, Refused
from extracted.notifications.model import Address
from extracted.notifications.worker import GROUPS
from kit import inbox, worker
from kit.failures import TryLater
from kit.refusals import Unavailable
from tools.lab.ground.waiting import free_port

CANCELLED = ("bookings", "booking.cancelled", {"account_id": "ada", "event_id": "concert"})
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


@pytest.mark.parametrize(
    "changes",
    [
        {"email": 5, "name": []},
        {"name": "nul \0"},
        {"email": "ada@encore.example\nBcc: all@encore.example"},
    ],
)
def test_a_message_of_any_content_stops_no_mail(deliver, subjects, eventually, changes):
    deliver(("accounts", "account.registered", {"id": "poison", **changes}), ADA)

    eventually(lambda: deliver() or "Welcome to Encore" in subjects())


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


def test_a_booking_cancelled_while_mail_was_down_is_not_confirmed(
    deliver, process, subjects, eventually, lab_services
):
    working, process.mailer = (
        process.mailer,
        Mailer("smtp://127.0.0.1:1", sender="tickets@encore.example"),
    )
    deliver(ADA, CONCERT)
    deliver(BOOKED, CANCELLED, (*BOOKED[:2], {**BOOKED[2], "id": "kept"}))

    process.mailer = working

    eventually(lambda: deliver() or len(subjects()) == 2)
    texts = [mail["text"] for mail in lab_services.mails(to="ada.listens@encore.example")]
    assert any("booking kept is confirmed" in text for text in texts)
