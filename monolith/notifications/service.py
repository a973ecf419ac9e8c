import uuid
from email.message import EmailMessage
from email.utils import make_msgid

from monolith.notifications.model import Mail

ENCODED = "=?"  # begins what the email package would decode (RFC 2047): new lines, say, and with them headers


def welcome(session, process, *, account_id, email, name, now):
    """Send the mail that greets a new account."""
    with process.mailer.connection() as connection:
        message = _message(process, email, "Welcome to Encore", f"Hello {name},\n\nyour account is ready. Enjoy the music!\n")
        session.add(Mail(id=uuid.uuid4().hex, account_id=account_id, kind="welcome", sent_at=now))
        session.flush()
        process.mailer.send(connection, message)


def connection(process):
    """An open connection to the mail server, made now, to confirm a booking over it later."""
    return process.mailer.connection()


def confirm(session, process, connection, *, account, booking_id, event, seats, total, currency, now):
    """Send the mail that confirms a booking: to an account with id, email and name, of an event's seats as the catalog knows them."""
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
    message = _message(process, account.email, f"Your tickets for {event.title}", "\n".join(lines))
    message["X-Booking-Id"] = booking_id
    session.add(Mail(id=uuid.uuid4().hex, account_id=account.id, kind="confirmation", sent_at=now, booking_id=booking_id))
    session.flush()
    process.mailer.send(connection, message)


def _message(process, to, subject, text):
    message = EmailMessage()
    message["From"] = f"Encore <{process.mailer.sender}>"
    message["To"] = to
    message["Subject"] = " ".join(subject.replace(ENCODED, "= ?").split())
    message["Message-ID"] = make_msgid(domain="encore.example")
    message.set_content(text)
    return message
