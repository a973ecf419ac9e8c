import smtplib
from contextlib import closing, suppress
from urllib.parse import unquote, urlsplit

from kit import trace
from kit.message import Unprocessable
from kit.refusals import Unavailable

CONNECT_SECONDS = 5
SEND_SECONDS = 60  # a client that gives up while the server works would send the mail again
NO_SUCH_MAILBOX = (550, 551, 553)
REFUSED = 500  # from this code on, the server will never take the mail
PORTS = {"smtp": 25, "smtps": 465}


class Refused(Unprocessable):
    """The server will never take this mail."""


class Mailer:
    """Sends mail through the server at smtp://[user:password@]host[:port][?starttls], or smtps://."""

    def __init__(self, url, *, sender):
        self.url = urlsplit(url)
        self.sender = sender

    def send(self, message):
        """Hand a message over; Unavailable if the server does not take it now, Refused if never."""
        try:
            with trace.span("send mail", "client"), closing(self._connect()) as connection:
                connection.sock.settimeout(SEND_SECONDS)
                connection.send_message(message)
                with suppress(OSError, smtplib.SMTPException):  # the server has the mail
                    connection.quit()
        except (OSError, smtplib.SMTPException) as error:
            if is_final(error):
                raise Refused(f"the mail server: {error}") from error
            raise Unavailable("The mail server") from error

    def _connect(self):
        make = smtplib.SMTP_SSL if self.url.scheme == "smtps" else smtplib.SMTP
        connection = make(
            self.url.hostname,
            self.url.port or PORTS[self.url.scheme],
            local_hostname="encore",
            timeout=CONNECT_SECONDS,
        )
        if self.url.query == "starttls":
            connection.starttls()
        if self.url.username:
            connection.login(unquote(self.url.username), unquote(self.url.password or ""))
        return connection


def is_final(error):
    """Whether a server refuses this one mail for ever; one that refuses all may be mended."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return all(code in NO_SUCH_MAILBOX for code, _ in error.recipients.values())
    return isinstance(error, smtplib.SMTPDataError) and error.smtp_code >= REFUSED
