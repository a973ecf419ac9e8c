"""What payments publishes on its topic.

The money of one booking is one aggregate: it is charged, then perhaps refunded."""

from kit.message import Message

TOPIC = "payments"
TYPES = {
    ("charge", "succeeded"): "payment.authorised",
    ("charge", "declined"): "payment.declined",
    ("refund", "succeeded"): "payment.refunded",
}
REASONS = {"payment.declined": "card-declined", "payment.refunded": "booking-cancelled"}


def money_moved(payment, reason=None):
    """A charge or refund was made, or refused; reason replaces the usual one."""
    type = TYPES[payment.kind, payment.status]
    data = {
        "id": payment.id,
        "booking_id": payment.booking_id,
        "amount": payment.amount,
        "currency": payment.currency,
        "reason": reason or REASONS.get(type),
        "aggregate_version": payment.version,
    }
    return Message(TOPIC, type, payment.booking_id, data)
