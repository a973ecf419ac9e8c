import uuid
from email.message import EmailMessage
from email.utils import make_msgid

from monolith.notifications.model import Mail

# The email package decodes text that begins so (RFC 2047): a line break in it begins a header.
ENCODED = "=?"


def welcome(session, mailer, account, now):
    """Send the mail that greets a new account."""
    with mailer.connection() as connection:
        message = _message(
            mailer,
            account,
            "Welcome to Encore",
            f"Hello {account.name},\n\nyour account is ready. Enjoy the music!\n",
        )
        session.add(Mail(id=uuid.uuid4().hex, account_id=account.id, kind="welcome", sent_at=now))
        session.flush()
        mailer.send(connection, message)


def confirmation(mailer, booking):
    """The mail that confirms booking, to be sent once its card is charged."""
    event = booking.event
    account = booking.account
    lines = [
        f"Hello {account.name},",
        "",
        f"your booking {booking.id} is confirmed:",
        "",
        f"{event.title}, {event.artist}",
        f"{event.venue.name}, {event.venue.city}, {event.starts_at:%d %B %Y, %H:%M} UTC",
        "",
        *(f"{seat.section}, row {seat.row}, seat {seat.number}" for seat in booking.seats),
        "",
        f"Paid: {booking.total / 100:.2f} {booking.currency}",
        "",
    ]
    message = _message(mailer, account, f"Your tickets for {event.title}", "\n".join(lines))
    message["X-Booking-Id"] = booking.id
    return message


def confirm(session, mailer, connection, booking, message, now):
    """Send the confirmation of booking, over a connection that is open already."""
    session.add(
        Mail(
            id=uuid.uuid4().hex,
            account_id=booking.account_id,
            kind="confirmation",
            sent_at=now,
            booking_id=booking.id,
        )
    )
    session.flush()
    mailer.send(connection, message)


def _message(mailer, account, subject, text):
    message = EmailMessage()
    message["From"] = f"Encore <{mailer.sender}>"
    message["To"] = account.email
    message["Subject"] = " ".join(subject.replace(ENCODED, "= ?").split())
    message["Message-ID"] = make_msgid(domain="encore.example")
    message.set_content(text)
    return message
