import smtplib
import ssl
from contextlib import contextmanager, suppress
from urllib.parse import unquote, urlsplit

from kit.refusals import Unavailable

TIMEOUT = 5  # seconds
PORTS = {"smtp": 25, "smtps": 465}


class Mailer:
    """Sends mail through the server at smtp://[user:password@]host[:port][?starttls], or smtps://."""

    def __init__(self, url, *, sender):
        self.url = urlsplit(url)
        self.sender = sender

    @contextmanager
    def connection(self):
        """An open connection; Unavailable, before anything is done, where the server is away."""
        try:
            connection = self._connect()
        except (OSError, smtplib.SMTPException) as error:
            raise Unavailable("The mail server") from error
        try:
            yield connection
        finally:
            with suppress(OSError, smtplib.SMTPException):
                connection.quit()

    def _connect(self):
        is_tls = self.url.scheme == "smtps"
        connection = (smtplib.SMTP_SSL if is_tls else smtplib.SMTP)(
            self.url.hostname,
            self.url.port or PORTS[self.url.scheme],
            local_hostname="encore",
            timeout=TIMEOUT,
            **({"context": ssl.create_default_context()} if is_tls else {}),
        )
        if self.url.query == "starttls":
            connection.starttls(context=ssl.create_default_context())
        if self.url.username:
            connection.login(unquote(self.url.username), unquote(self.url.password or ""))
        return connection

    def send(self, connection, message):
        """Hand a message over; Unavailable where the server does not take it."""
        try:
            connection.send_message(message)
        except (OSError, smtplib.SMTPException) as error:
            raise Unavailable("The mail server") from error
