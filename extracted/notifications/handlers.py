"""What notifications does about what others say."""

from extracted.kit.consumer import NotYet
from extracted.notifications import service
from extracted.notifications.model import Address, Concert

TOPICS = ("accounts", "bookings")


def welcome(session, process, message):
    said = message.data
    service.welcome(session, process, account_id=said["id"], email=said["email"], name=said["name"], now=process.clock())


def confirm(session, process, message):
    said = message.data
    account, event = session.get(Address, said["account_id"]), session.get(Concert, said["event_id"])
    if account is None or event is None:
        raise NotYet(f"account {said['account_id']}" if account is None else f"event {said['event_id']}")
    booking = {"booking_id": said["id"], "seats": said["seats"], "total": said["total"], "currency": said["currency"]}
    service.confirm(session, process, account=account, event=event, now=process.clock(), **booking)


ANNOUNCED = False
HANDLERS = {"account.registered": welcome, "booking.confirmed": confirm}
