import logging
import uuid

from sqlalchemy import select, tuple_
from sqlalchemy.dialects.postgresql import insert

from kit.outbox import record
from kit.refusals import Unavailable
from monolith.payments import messages
from monolith.payments.model import VERSIONS, Customer, Payment
from monolith.payments.provider import Charge

log = logging.getLogger(__name__)


def customer_id(session, account_id):
    """The id of an account at the payment provider, or None if it has none."""
    return session.scalar(select(Customer.provider_id).where(Customer.account_id == account_id))


def make_customer(session, provider, *, account_id, name):
    """The id of an account at the payment provider, which makes one if there is none."""
    if known := customer_id(session, account_id):
        return known
    provider_id = provider.customer(account_id=account_id, name=name)
    customer = insert(Customer).values(account_id=account_id, provider_id=provider_id)
    session.execute(customer.on_conflict_do_nothing())
    return provider_id


def charge(
    session,
    provider,
    *,
    booking_id,
    account_id,
    hold_id,
    amount,
    currency,
    customer_id,
    payment_method,
    now,
):
    """The charge of a booking's total to the card; without an id if there is nothing to pay."""
    if amount == 0:
        return Charge(id=None, succeeded=True)
    charged = provider.charge(
        customer_id=customer_id,
        hold_id=hold_id,
        amount=amount,
        currency=currency,
        payment_method=payment_method,
    )
    payment = Payment(
        id=uuid.uuid4().hex,
        booking_id=booking_id,
        account_id=account_id,
        kind="charge",
        amount=amount,
        currency=currency,
        status="succeeded" if charged.succeeded else "declined",
        created_at=now,
        provider_id=charged.id,
        version=VERSIONS["charge"],
    )
    _store(session, payment)
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


def refund(session, provider, *, booking_id, now):
    """Refund what a booking cost."""
    of_charge = select(Payment).where(Payment.booking_id == booking_id, Payment.kind == "charge")
    paid = session.scalar(of_charge)
    if paid is None:
        return
    if paid.provider_id:
        provider.refund(paid.provider_id, key=booking_id)
    _store(session, paid.refunded(id=uuid.uuid4().hex, now=now))


def _store(session, payment):
    session.add(payment)
    record(session, messages.money_moved(payment))


def of_booking(session, *, account_id, booking_id, limit, after):
    """The payments of an account's booking, oldest first; one more than limit."""
    its_payments = select(Payment).where(
        Payment.booking_id == booking_id,
        Payment.account_id == account_id,
    )
    if after:
        its_payments = its_payments.where(tuple_(Payment.created_at, Payment.id) > tuple_(*after))
    oldest_first = its_payments.order_by(Payment.created_at, Payment.id)
    return session.scalars(oldest_first.limit(limit + 1)).all()
