import logging
import uuid

from sqlalchemy import select, tuple_

from kit.refusals import Unavailable
from monolith.bookings.model import Booking
from monolith.payments.model import Payment
from monolith.payments.provider import Charge

log = logging.getLogger(__name__)


def charge(session, provider, booking, *, payment_method, now):
    """The charge of a booking's total to the card; without an id if there is nothing to pay."""
    if booking.total == 0:
        return Charge(id=None, succeeded=True)
    account = booking.account
    if account.customer_id is None:
        account.customer_id = provider.customer(account)
    charged = provider.charge(
        customer_id=account.customer_id,
        hold_id=booking.hold_id,
        amount=booking.total,
        currency=booking.currency,
        payment_method=payment_method,
    )
    status = "succeeded" if charged.succeeded else "declined"
    session.add(_payment(booking, "charge", status, charged.id, now))
    return charged


def give_back(provider, charge_id, *, hold_id):
    """Refund the charge of a hold that was not booked."""
    try:
        provider.refund(charge_id, key=hold_id)
    except Unavailable:
        log_charge_without_booking(charge_id, hold_id)


def log_charge_without_booking(charge_id, hold_id):
    """Leave a trace of money that has to be given back by hand."""
    log.error("charged without a booking", extra={"charge_id": charge_id, "hold_id": hold_id})


def refund(session, provider, booking, *, now):
    """Refund what a booking cost."""
    of_charge = select(Payment).where(Payment.booking_id == booking.id, Payment.kind == "charge")
    paid = session.scalar(of_charge)
    if paid is None:
        return
    if paid.provider_id:
        provider.refund(paid.provider_id, key=booking.id)
    session.add(_payment(booking, "refund", "succeeded", paid.provider_id, now))


def of_booking(session, *, account_id, booking_id, limit, after):
    """The payments of an account's booking, oldest first; one more than limit."""
    own = select(Payment).join(Booking)
    own = own.where(Payment.booking_id == booking_id, Booking.account_id == account_id)
    if after:
        own = own.where(tuple_(Payment.created_at, Payment.id) > tuple_(*after))
    oldest_first = own.order_by(Payment.created_at, Payment.id)
    return session.scalars(oldest_first.limit(limit + 1)).all()


def _payment(booking, kind, status, provider_id, now):
    return Payment(
        id=uuid.uuid4().hex,
        booking_id=booking.id,
        kind=kind,
        amount=booking.total,
        currency=booking.currency,
        status=status,
        created_at=now,
        provider_id=provider_id,
    )
