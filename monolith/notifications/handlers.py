"""What notifications does about what others say."""

from monolith.accounts import service as accounts
from monolith.catalog import service as catalog
from monolith.notifications import service


def welcome(session, process, message):
    told = message.data
    service.welcome(session, process, account_id=told["id"], email=told["email"], name=told["name"], now=process.clock())


def confirm(session, process, message):
    told = message.data
    with process.db.reading("accounts") as of_accounts:
        account = accounts.find(of_accounts, told["account_id"])
    with process.db.reading("catalog") as of_catalog:
        event = catalog.find(of_catalog, told["event_id"])
    booking = {"booking_id": told["id"], "seats": told["seats"], "total": told["total"], "currency": told["currency"]}
    service.confirm(session, process, account=account, event=event, now=process.clock(), **booking)


TOPICS = ("accounts", "bookings")
ANNOUNCED = False
HANDLERS = {"account.registered": welcome, "booking.confirmed": confirm}
