import uuid
from email.message import EmailMessage
from email.utils import make_msgid

from extracted.notifications.model import Mail

# The email package decodes text that begins so (RFC 2047): a line break in it begins a header.
ENCODED = "=?"


def welcome(session, mailer, *, account_id, email, name, now):
    """Send the mail that greets a new account."""
    mail = Mail(id=uuid.uuid4().hex, account_id=account_id, kind="welcome", sent_at=now)
    text = f"Hello {name},\n\nyour account is ready. Enjoy the music!\n"
    _send(session, mailer, mail, to=email, subject="Welcome to Encore", text=text)


def confirm(session, mailer, *, account, event, booking_id, seats, total, currency, now):
    """Send the mail that confirms a booking.

    account has account_id, email and name; event has title, artist, venue_name, city and starts_at;
    seats are mappings with section, row and number."""
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
    mail = Mail(
        id=uuid.uuid4().hex,
        account_id=account.account_id,
        kind="confirmation",
        sent_at=now,
        booking_id=booking_id,
    )
    subject = f"Your tickets for {event.title}"
    _send(session, mailer, mail, to=account.email, subject=subject, text="\n".join(lines))


def _send(session, mailer, mail, **parts):
    """Store a mail, then send it: after that only the commit can fail.

    A process that dies between sending and commit sends the mail again: twice, but never not at
    all."""
    session.add(mail)
    session.flush()
    mailer.send(_message(mailer.sender, mail, **parts))


def _message(sender, mail, *, to, subject, text):
    message = EmailMessage()
    message["From"] = f"Encore <{sender}>"
    message["To"] = to
    message["Subject"] = " ".join(subject.replace(ENCODED, "= ?").split())
    if mail.booking_id:
        message["X-Booking-Id"] = mail.booking_id
    message["Message-ID"] = make_msgid(domain="encore.example")
    message.set_content(text)
    return message
