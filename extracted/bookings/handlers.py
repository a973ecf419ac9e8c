"""What bookings does when others publish."""

from functools import partial

from extracted.bookings import service
from extracted.bookings.places import places_of
from kit import epoch

HAPPENED = {
    "payment.authorised": "paid",
    "payment.declined": "refused",
    "payment.refunded": "refunded",
}


def money_moved(session, process, message):
    epoch.require_open(session)  # rows that are behind would take the message for a late one
    service.settle(
        session,
        message.data["booking_id"],
        HAPPENED[message.type],
        places_of=partial(places_of, process),
    )


TOPICS = ("payments",)
SNAPSHOTS = False
HANDLERS = dict.fromkeys(HAPPENED, money_moved)
