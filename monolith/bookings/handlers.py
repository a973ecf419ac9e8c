"""What bookings does when others publish."""

from functools import partial

from monolith.bookings import service
from monolith.bookings.places import places_of

HAPPENED = {
    "payment.authorised": "paid",
    "payment.declined": "refused",
    "payment.refunded": "refunded",
}


def money_moved(session, process, message):
    service.settle(
        session,
        message.data["booking_id"],
        HAPPENED[message.type],
        places_of=partial(places_of, process),
    )


TOPICS = ("payments",)
SNAPSHOTS = False
HANDLERS = dict.fromkeys(HAPPENED, money_moved)
