import uuid

from sqlalchemy import ARRAY, String, any_, literal, select, tuple_

from kit.database import done_outside
from monolith.bookings.model import Booking
from monolith.payments.answers import UnknownCustomer
from monolith.payments.model import Payment
from monolith.payments.provider import Charge


def charge(session, provider, booking, *, payment_method, now):
    """The charge of a booking's total to the card; without an id if there is nothing to pay."""
    if booking.total == 0:
        return Charge(id=None, succeeded=True)
    charged = _charge(provider, booking, payment_method)
    if charged.succeeded:
        done_outside(session)
    status = "succeeded" if charged.succeeded else "declined"
    session.add(_payment(booking, "charge", status, charged.id, now))
    return charged


def _charge(provider, booking, payment_method):
    account = booking.account
    order = {
        "account_id": account.id,
        "hold_id": booking.hold_id,
        "amount": booking.total,
        "currency": booking.currency,
        "payment_method": payment_method,
    }
    if account.customer_id is None:
        account.customer_id = provider.customer(account)
    try:
        return provider.charge(customer_id=account.customer_id, **order)
    except UnknownCustomer:
        account.customer_id = provider.customer(account, instead_of=account.customer_id)
        return provider.charge(customer_id=account.customer_id, **order)


def refund(session, provider, booking, *, now):
    """Refund what a booking cost."""
    of_charge = select(Payment).where(Payment.booking_id == booking.id, Payment.kind == "charge")
    paid = session.scalar(of_charge)
    if paid is None:
        return
    if paid.provider_id:
        provider.refund(paid.provider_id, key=booking.id, booking_id=booking.id)
        done_outside(session)
    session.add(_payment(booking, "refund", "succeeded", paid.provider_id, now))


def recorded(session, charge_ids):
    """Those of some charges at the provider that a booking was paid with."""
    among = Payment.provider_id == any_(literal(charge_ids, ARRAY(String)))
    return set(session.scalars(select(Payment.provider_id).where(among)))


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
