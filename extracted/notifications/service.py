import uuid
from email.message import EmailMessage
from email.utils import make_msgid

from extracted.notifications.model import Mail

ENCODED = "=?"  # begins what the email package would decode (RFC 2047): new lines, say, and with them headers


def welcome(session, process, *, account_id, email, name, now):
    """Send the mail that greets a new account."""
    noted = Mail(id=uuid.uuid4().hex, account_id=account_id, kind="welcome", sent_at=now)
    _send(session, process, noted, to=email, subject="Welcome to Encore", text=f"Hello {name},\n\nyour account is ready. Enjoy the music!\n")


def confirm(session, process, *, account, booking_id, event, seats, total, currency, now):
    """Send the mail that confirms a booking: to an account with account_id, email and name, of an event's seats with section, row and number."""
    lines = [
        f"Hello {account.name},",
        "",
        f"your booking {booking_id} is confirmed:",
        "",
        f"{event.title}, {event.artist}",
        f"{event.venue_name}, {event.city}, {event.starts_at:%d %B %Y, %H:%M} UTC",
        "",
        *(f"{seat['section']}, row {seat['row']}, seat {seat['number']}" for seat in seats),
        "",
        f"Paid: {total / 100:.2f} {currency}",
        "",
    ]
    noted = Mail(id=uuid.uuid4().hex, account_id=account.account_id, kind="confirmation", sent_at=now, booking_id=booking_id)
    _send(session, process, noted, to=account.email, subject=f"Your tickets for {event.title}", text="\n".join(lines))


def _send(session, process, noted, **mail):
    """Send a mail last, when nothing but the commit can fail any more: a death in between sends it twice, and never not at all."""
    session.add(noted)
    session.flush()
    process.mailer.send(_message(process, noted, **mail))


def _message(process, noted, *, to, subject, text):
    message = EmailMessage()
    message["From"] = f"Encore <{process.mailer.sender}>"
    message["To"] = to
    message["Subject"] = " ".join(subject.replace(ENCODED, "= ?").split())
    if noted.booking_id:
        message["X-Booking-Id"] = noted.booking_id
    message["Message-ID"] = make_msgid(domain="encore.example")
    message.set_content(text)
    return message
