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
    epoch.require_open(session)  # on rows that are behind, the message would look late
    service.settle(
        session,
        message.data["booking_id"],
        HAPPENED[message.type],
        places_of=partial(places_of, process),
    )


TOPICS = ("payments",)
SNAPSHOTS = False
HANDLERS = dict.fromkeys(HAPPENED, money_moved)
