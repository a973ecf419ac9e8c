import uuid
from email.message import EmailMessage
from email.utils import make_msgid

from monolith.notifications.model import Mail

# The email package decodes text that begins so (RFC 2047): a line break in it begins a header.
ENCODED = "=?"


def welcome(session, mailer, *, account_id, email, name, now):
    """Send the mail that greets a new account."""
    with mailer.connection() as connection:
        text = f"Hello {name},\n\nyour account is ready. Enjoy the music!\n"
        message = _message(mailer, email, "Welcome to Encore", text)
        session.add(Mail(id=uuid.uuid4().hex, account_id=account_id, kind="welcome", sent_at=now))
        session.flush()
        mailer.send(connection, message)


def connection(mailer):
    """An open connection to the mail server, to confirm a booking over it later."""
    return mailer.connection()


def confirmation(mailer, *, account, booking_id, event, seats, total, currency):
    """The mail that confirms a booking, to be sent once its card is charged.

    account has id, email and name; event and seats are as the catalog's service answers them."""
    lines = [
        f"Hello {account.name},",
        "",
        f"your booking {booking_id} is confirmed:",
        "",
        f"{event.title}, {event.artist}",
        f"{event.venue_name}, {event.city}, {event.starts_at:%d %B %Y, %H:%M} UTC",
        "",
        *(f"{seat.section}, row {seat.row}, seat {seat.number}" for seat in seats),
        "",
        f"Paid: {total / 100:.2f} {currency}",
        "",
    ]
    subject = f"Your tickets for {event.title}"
    message = _message(mailer, account.email, subject, "\n".join(lines))
    message["X-Booking-Id"] = booking_id
    return message


def confirm(session, mailer, connection, message, *, account_id, booking_id, now):
    """Send the confirmation of a booking."""
    mail = Mail(
        id=uuid.uuid4().hex,
        account_id=account_id,
        kind="confirmation",
        sent_at=now,
        booking_id=booking_id,
    )
    session.add(mail)
    session.flush()
    mailer.send(connection, message)


def _message(mailer, to, subject, text):
    message = EmailMessage()
    message["From"] = f"Encore <{mailer.sender}>"
    message["To"] = to
    message["Subject"] = " ".join(subject.replace(ENCODED, "= ?").split())
    message["Message-ID"] = make_msgid(domain="encore.example")
    message.set_content(text)
    return message
