import logging
import uuid
from functools import partial

from sqlalchemy import select, tuple_
from sqlalchemy.exc import SQLAlchemyError

from monolith.bookings.model import Booking
from monolith.db import on_rollback
from monolith.payments.model import Payment
from monolith.refusals import Unavailable

log = logging.getLogger(__name__)


def charge(session, provider, booking, *, payment_method, now, may_give_back):
    """Whether the card of booking's customer was charged; given back if the transaction does not take effect, and may_give_back() says so."""
    if booking.total == 0:
        return True
    account = booking.account
    if account.customer_id is None:
        account.customer_id = provider.customer(account)
    charged = provider.charge(
        customer_id=account.customer_id, hold_id=booking.hold_id, amount=booking.total, currency=booking.currency, payment_method=payment_method
    )
    if charged.succeeded:
        on_rollback(session, partial(_give_back, provider, charged.id, booking.hold_id, may_give_back))
    _note(session, booking, "charge", "succeeded" if charged.succeeded else "declined", charged.id, now)
    return charged.succeeded


def _give_back(provider, charge_id, hold_id, may_give_back):
    try:
        if may_give_back():
            provider.refund(charge_id, key=hold_id)
    except (Unavailable, SQLAlchemyError):
        log.error("charged without a booking", extra={"charge_id": charge_id, "hold_id": hold_id})


def refund(session, provider, booking, *, now):
    """Give back what booking cost."""
    paid = session.scalar(select(Payment).where(Payment.booking_id == booking.id, Payment.kind == "charge"))
    if paid is None:
        return
    if paid.provider_id:
        provider.refund(paid.provider_id, key=booking.id)
    _note(session, booking, "refund", "succeeded", paid.provider_id, now)


def of_booking(session, *, account_id, booking_id, limit, after):
    """The payments of a booking that is account_id's own, oldest first."""
    wanted = select(Payment).join(Booking).where(Payment.booking_id == booking_id, Booking.account_id == account_id)
    if after:
        wanted = wanted.where(tuple_(Payment.created_at, Payment.id) > tuple_(*after))
    return session.scalars(wanted.order_by(Payment.created_at, Payment.id).limit(limit + 1)).all()


def _note(session, booking, kind, status, provider_id, now):
    session.add(
        Payment(
            id=uuid.uuid4().hex,
            booking_id=booking.id,
            kind=kind,
            amount=booking.total,
            currency=booking.currency,
            status=status,
            created_at=now,
            provider_id=provider_id,
        )
    )
