"""What notifications does when others publish."""

from monolith.accounts import service as accounts
from monolith.catalog import service as catalog
from monolith.notifications import service


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
    with process.db.accounts.reading() as accounts_session:
        account = accounts.find(accounts_session, booking["account_id"])
    with process.db.catalog.reading() as catalog_session:
        event = catalog.find(catalog_session, booking["event_id"])
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
