"""What notifications does when others publish."""

from extracted.notifications import service
from extracted.notifications.model import Address, Cancellation, Concert
from kit.failures import NotYet


def welcome(session, process, message):
    service.welcome(
        session,
        process.mailer,
        account_id=message.data["id"],
        email=message.data["email"],
        name=message.data["name"],
        now=process.clock(),
    )


def confirm(session, process, message):
    booking = message.data
    if session.get(Cancellation, booking["id"]):
        return  # it is not confirmed any more: the mail server was away for long
    account = session.get(Address, booking["account_id"])
    if account is None:
        raise NotYet(f"account {booking['account_id']}")
    event = session.get(Concert, booking["event_id"])
    if event is None:
        raise NotYet(f"event {booking['event_id']}")
    service.confirm(
        session,
        process.mailer,
        account=account,
        event=event,
        booking_id=booking["id"],
        seats=booking["seats"],
        total=booking["total"],
        currency=booking["currency"],
        now=process.clock(),
    )


TOPICS = ("accounts", "bookings")
SNAPSHOTS = False
HANDLERS = {"account.registered": welcome, "booking.confirmed": confirm}
