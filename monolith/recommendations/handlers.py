"""What recommendations does when others publish."""

from monolith.recommendations import service


def booked(session, process, message):
    service.booked(
        session,
        account_id=message.data["account_id"],
        event_id=message.data["event_id"],
    )


def cancelled(session, process, message):
    service.cancelled(
        session,
        account_id=message.data["account_id"],
        event_id=message.data["event_id"],
    )


TOPICS = ("bookings",)
SNAPSHOTS = False
HANDLERS = {"booking.confirmed": booked, "booking.cancelled": cancelled}
