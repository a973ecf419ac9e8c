"""What payments does when others publish."""

from functools import partial

from extracted.payments import service
from extracted.payments.copies import name_of


def make_customer(session, process, message):
    service.make_customer(
        session,
        process.provider,
        account_id=message.data["id"],
        name=message.data["name"],
    )


def follow_booking(session, process, message):
    booking = message.data
    is_older = "hold_id" not in booking  # than step 10: the request that published it moved money
    if is_older or booking["total"] == 0:
        return
    service.follow(
        session,
        process.provider,
        happened=message.type,
        booking=booking,
        customer_id=partial(_customer_id, process, booking["account_id"]),
        now=process.clock(),
    )


def _customer_id(process, account_id, *, instead_of=None):
    """The account's id at the payment provider, made now if there is none.

    instead_of is an earlier id, which the provider does not know any more."""
    with process.database.reading() as session:
        known = service.customer_id(session, account_id)
        if known not in (None, instead_of):
            return known
        name = name_of(session, account_id)
    made = process.provider.customer(account_id=account_id, name=name, instead_of=instead_of)
    with process.database.transaction() as session:
        service.keep_customer(session, account_id, made)
    return made


TOPICS = ("accounts", "bookings")
SNAPSHOTS = False
HANDLERS = {
    "account.registered": make_customer,
    "booking.requested": follow_booking,
    "booking.declined": follow_booking,
    "booking.cancelled": follow_booking,
}
