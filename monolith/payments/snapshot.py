"""Publishes the charges and refunds from before the outbox."""

from sqlalchemy import select

from kit.outbox import record
from monolith.payments import messages
from monolith.payments.model import VERSIONS, Payment


def publish(session, batch):
    """Publish up to a batch of payments that are not published yet, the oldest first."""
    not_published = select(Payment).where(Payment.version == 0)
    oldest_first = not_published.order_by(Payment.created_at, Payment.id)
    payments = session.scalars(oldest_first.limit(batch).with_for_update()).all()
    for payment in payments:
        payment.version = VERSIONS[payment.kind]
    if payments:
        moved = (messages.money_moved(payment) for payment in payments)
        record(session, *moved, snapshot=True)
        session.flush()
    return len(payments)
