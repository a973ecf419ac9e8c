import smtplib
from contextlib import closing, suppress
from urllib.parse import unquote, urlsplit

from extracted.kit import trace
from monolith.refusals import Unavailable

CONNECT_WITHIN = 5  # seconds
TAKE_WITHIN = 60  # seconds: whoever gives up on a server that is still looking at a mail will send it again
NEVER = 500  # from here on a server's answer is that it will not take the mail, whenever it is asked
PORTS = {"smtp": 25, "smtps": 465}


class Refused(Exception):
    """Nobody will ever take this mail."""


class Mailer:
    """Sends mail through the server at smtp://[user:password@]host[:port][?starttls], or smtps://."""

    def __init__(self, url, *, sender):
        self.url = urlsplit(url)
        self.sender = sender

    def send(self, message):
        """Hand a message over; Unavailable where the server does not take it now, Refused where it does not know the address."""
        try:
            with trace.span("send mail", "client"), closing(self._connect()) as connection:
                connection.sock.settimeout(TAKE_WITHIN)
                connection.send_message(message)
                with suppress(OSError, smtplib.SMTPException):  # it has the mail
                    connection.quit()
        except smtplib.SMTPRecipientsRefused as refusal:
            if any(code < NEVER for code, _ in refusal.recipients.values()):
                raise Unavailable("The mail server") from refusal
            raise Refused(str(refusal.recipients)) from refusal
        except (OSError, smtplib.SMTPException) as trouble:
            raise Unavailable("The mail server") from trouble

    def _connect(self):
        make = smtplib.SMTP_SSL if self.url.scheme == "smtps" else smtplib.SMTP
        connection = make(self.url.hostname, self.url.port or PORTS[self.url.scheme], local_hostname="encore", timeout=CONNECT_WITHIN)
        if self.url.query == "starttls":
            connection.starttls()
        if self.url.username:
            connection.login(unquote(self.url.username), unquote(self.url.password or ""))
        return connection
