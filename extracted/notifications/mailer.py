import smtplib
from contextlib import closing, suppress
from urllib.parse import unquote, urlsplit

from extracted.kit import trace
from extracted.kit.message import Never

CONNECT_WITHIN = 5  # seconds
TAKE_WITHIN = 60  # seconds: whoever gives up on a server that is still looking at a mail will send it again
NO_SUCH_MAILBOX = (550, 551, 553)
FOR_GOOD = 500  # from here on the answer to a mail is that it is not taken, whenever it is sent
PORTS = {"smtp": 25, "smtps": 465}


class Away(Exception):
    """The mail server does not take a mail just now."""


class Refused(Never):
    """The server will not take this mail, whenever it is asked."""


class Mailer:
    """Sends mail through the server at smtp://[user:password@]host[:port][?starttls], or smtps://."""

    def __init__(self, url, *, sender):
        self.url = urlsplit(url)
        self.sender = sender

    def send(self, message):
        """Hand a message over; Away where the server does not take it now, Refused where it never will."""
        try:
            with trace.span("send mail", "client"), closing(self._connect()) as connection:
                connection.sock.settimeout(TAKE_WITHIN)
                connection.send_message(message)
                with suppress(OSError, smtplib.SMTPException):  # it has the mail
                    connection.quit()
        except (OSError, smtplib.SMTPException) as trouble:
            raise (Refused if is_for_good(trouble) else Away)(f"the mail server: {trouble}") from trouble

    def _connect(self):
        make = smtplib.SMTP_SSL if self.url.scheme == "smtps" else smtplib.SMTP
        connection = make(self.url.hostname, self.url.port or PORTS[self.url.scheme], local_hostname="encore", timeout=CONNECT_WITHIN)
        if self.url.query == "starttls":
            connection.starttls()
        if self.url.username:
            connection.login(unquote(self.url.username), unquote(self.url.password or ""))
        return connection


def is_for_good(trouble):
    """Whether a server refuses this one mail; one that refuses all of them can be mended."""
    if isinstance(trouble, smtplib.SMTPRecipientsRefused):
        return all(code in NO_SUCH_MAILBOX for code, _ in trouble.recipients.values())
    return isinstance(trouble, smtplib.SMTPDataError) and trouble.smtp_code >= FOR_GOOD
