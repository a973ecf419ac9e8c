import smtplib
import ssl
from contextlib import ExitStack, closing, suppress
from urllib.parse import unquote, urlsplit

from kit import trace
from kit.failures import TryLater
from kit.message import Unprocessable
from kit.refusals import Unavailable

CONNECT_SECONDS = 5
SEND_SECONDS = 60  # a client that gives up while the server works would send the mail again
REFUSED = 500  # from this code on, the server will never take the mail
NO_SERVICE = (421, 454, 530, 534, 535, 538)  # the server takes no mail, or none from us
TOO_LARGE = 552
PORTS = {"smtp": 25, "smtps": 465}


class Refused(Unprocessable):
    """The server will never take this mail."""


class Mailer:
    """Sends mail through the server at smtp://[user:password@]host[:port][?starttls], or smtps://."""

    def __init__(self, url, *, sender):
        self.url = urlsplit(url)
        self.sender = sender

    def send(self, message):
        """Hand a message over.

        Unavailable if the server takes no mail now, TryLater if it does not take this one now,
        Refused if it will never take this one."""
        with trace.span("send mail", "client"), closing(self._connect()) as connection:
            try:
                connection.send_message(message, to_addrs=_recipients(message))
            except (OSError, smtplib.SMTPException) as error:
                raise _failure(error) from error
            with suppress(OSError, smtplib.SMTPException):  # the server has the mail
                connection.quit()

    def _connect(self):
        """A connection that is ready for a mail; Unavailable if there is none."""
        try:
            with ExitStack() as undo:
                connection = undo.enter_context(closing(self._greet()))
                self._log_in(connection)
                undo.pop_all()
        except (OSError, smtplib.SMTPException) as error:
            raise Unavailable("The mail server") from error
        return connection

    def _greet(self):
        is_tls = self.url.scheme == "smtps"
        return (smtplib.SMTP_SSL if is_tls else smtplib.SMTP)(
            self.url.hostname,
            self.url.port or PORTS[self.url.scheme],
            local_hostname="encore",
            timeout=CONNECT_SECONDS,
            **({"context": ssl.create_default_context()} if is_tls else {}),
        )

    def _log_in(self, connection):
        if self.url.query == "starttls":
            connection.starttls(context=ssl.create_default_context())
        if self.url.username:
            connection.login(unquote(self.url.username), unquote(self.url.password or ""))
        connection.ehlo_or_helo_if_needed()
        connection.sock.settimeout(SEND_SECONDS)


def _recipients(message):
    """The addresses that a mail goes to; none if To is empty, where smtplib itself finds an empty
    one in some patch releases of Python 3.11."""
    return [address.addr_spec for address in message["To"].addresses]


def _failure(error):
    """What it means that a mail was not taken: Unavailable, TryLater or Refused."""
    code, text = _answer(error)
    is_about_sender = isinstance(error, smtplib.SMTPSenderRefused) and code != TOO_LARGE
    if not code or code in NO_SERVICE or is_about_sender:  # all mail has the same sender
        return Unavailable("The mail server")
    answer = f"the mail server: {code} {text.decode(errors='replace')}"
    return Refused(answer) if code >= REFUSED else TryLater(answer)


def _answer(error):
    """(code, text) of the server's answer; code 0 if there was none."""
    if isinstance(error, smtplib.SMTPNotSupportedError):
        return REFUSED, str(error).encode()  # the server cannot read the letters of an address
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return min(error.recipients.values(), default=(REFUSED, b"there is no recipient"))
    if isinstance(error, smtplib.SMTPResponseException):
        return error.smtp_code, error.smtp_error
    return 0, b""
