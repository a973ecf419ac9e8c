"""What payments says on its topic. The money of one booking is one aggregate: it is charged, then perhaps refunded."""

from extracted.kit.outbox import Fact

TOPIC = "payments"
VERSION = {"charge": 1, "refund": 2}
TYPES = {("charge", "succeeded"): "payment.authorised", ("charge", "declined"): "payment.declined", ("refund", "succeeded"): "payment.refunded"}
REASONS = {"payment.declined": "card-declined", "payment.refunded": "booking-cancelled"}


def moved(payment):
    """That money went one way or the other, or was refused."""
    type, payment.version = TYPES[payment.kind, payment.status], VERSION[payment.kind]
    data = {
        "id": payment.id,
        "booking_id": payment.booking_id,
        "amount": payment.amount,
        "currency": payment.currency,
        "reason": REASONS.get(type),
        "aggregate_version": payment.version,
    }
    return Fact(TOPIC, type, payment.booking_id, data)
