import io
import smtplib
import subprocess
import sys
import urllib.error
from email.message import EmailMessage

import pytest
from rich.console import Console

from tools.lab.ground.tree import HERE
from tools.lab.ground.waiting import eventually, free_port, is_listening
from tools.lab.look import mail as mailbox
from tools.lab.look.mail import mails
from tools.lab.look.payments import turn


class Catcher:
    def __init__(self, database):
        self.database = database
        self.smtp = free_port()
        self.http = free_port()
        self.url = f"http://127.0.0.1:{self.http}"
        self.start()

    def start(self):
        options = [
            "--smtp-port",
            str(self.smtp),
            "--http-port",
            str(self.http),
            "--database",
            str(self.database),
        ]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tools.lab.services.mailcatcher", *options], cwd=HERE.path
        )
        eventually(lambda: is_listening(self.smtp) and is_listening(self.http))

    def send(self, to="ada@encore.example", subject="Hello", text="Good evening.\n"):
        message = EmailMessage()
        message["From"], message["To"], message["Subject"] = "shop@encore.example", to, subject
        message.set_content(text)
        with smtplib.SMTP("127.0.0.1", self.smtp, local_hostname="test", timeout=5) as connection:
            connection.send_message(message)


@pytest.fixture(scope="module")
def running_catcher(tmp_path_factory):
    catcher = Catcher(tmp_path_factory.mktemp("mail") / "mail.db")
    yield catcher
    catcher.process.terminate()
    catcher.process.wait(10)


@pytest.fixture
def catcher(running_catcher):
    """One that accepts mail and has none."""
    yield running_catcher
    turn(f"{running_catcher.url}/_knobs", {"refuse": False, "drop_after": 0, "recipients": {}})
    mailbox.clear(running_catcher.url)


def test_mail_is_kept_and_listed_as_mailpit_does_newest_first(catcher):
    catcher.send(subject="First")
    catcher.send(subject="Second", to="bob@encore.example")

    listed = mailbox.read(catcher.url, "/api/v1/messages?limit=1")
    found = mailbox.read(catcher.url, "/api/v1/search?query=to%3A%22ada%40encore.example%22")

    assert (listed["total"], listed["count"], listed["messages"][0]["Subject"]) == (2, 1, "Second")
    assert [mail["Subject"] for mail in found["messages"]] == ["First"]
    assert (
        mailbox.read(catcher.url, f"/api/v1/message/{found['messages'][0]['ID']}")["Text"]
        == "Good evening.\n"
    )


def test_accepted_mail_survives_a_sudden_death(catcher):
    catcher.send()
    catcher.process.kill()
    catcher.process.wait()

    catcher.start()

    assert [mail["subject"] for mail in mails(catcher.url)] == ["Hello"]


def test_the_page_shows_mail_as_text_never_as_markup(catcher):
    import urllib.request

    catcher.send(subject="<b>Über</b>", text="<script>alert(1)</script>\n")
    id = mailbox.messages(catcher.url)[0]["ID"]

    pages = [
        urllib.request.urlopen(catcher.url + path).read().decode()
        for path in ("/", f"/message/{id}")
    ]

    assert all("&lt;b&gt;Über&lt;/b&gt;" in page for page in pages)
    assert "<script>" not in pages[1]


def test_the_terminal_shows_a_subject_as_it_is(catcher):
    catcher.send(subject="[bold]Ticket[/bold] for [/nobody]")
    console = Console(file=io.StringIO(), width=120)

    mailbox.show(console, catcher.url, None, None)

    assert "[bold]Ticket[/bold] for [/nobody]" in console.file.getvalue()


def test_refusing_is_a_knob(catcher):
    turn(f"{catcher.url}/_knobs", {"refuse": True})
    with pytest.raises(smtplib.SMTPSenderRefused):
        catcher.send()

    turn(f"{catcher.url}/_knobs", {"refuse": False})
    catcher.send()

    assert len(mails(catcher.url)) == 1


@pytest.mark.parametrize("code", [450, 451, 452, 501, 504, 552, 554, 556])
def test_a_recipient_is_refused_and_the_others_are_not(catcher, code):
    turn(f"{catcher.url}/_knobs", {"recipients": {"odd@encore.example": code}})

    with pytest.raises(smtplib.SMTPRecipientsRefused) as refused:
        catcher.send(to="odd@encore.example")
    catcher.send(to="ada@encore.example")

    assert refused.value.recipients["odd@encore.example"][0] == code
    assert [mail["to"] for mail in mails(catcher.url)] == ["ada@encore.example"]


@pytest.mark.parametrize("codes", [{"ada@encore.example": 250}, {"ada@encore.example": "450"}])
def test_a_code_that_refuses_nothing_is_refused(catcher, codes):
    with pytest.raises(urllib.error.HTTPError, match="422"):
        turn(f"{catcher.url}/_knobs", {"recipients": codes})


def test_dropping_after_keeping_is_a_knob(catcher):
    turn(f"{catcher.url}/_knobs", {"drop_after": 1})

    with pytest.raises(smtplib.SMTPServerDisconnected):
        catcher.send()

    assert len(mails(catcher.url)) == 1


def test_all_mail_is_thrown_away_on_request(catcher):
    catcher.send()

    mailbox.clear(catcher.url)

    assert mails(catcher.url) == []
