import uuid

from sqlalchemy import ARRAY, String, any_, literal, select, tuple_
from sqlalchemy.dialects.postgresql import insert

from kit.database import done_outside
from kit.outbox import record
from monolith.payments import messages
from monolith.payments.answers import UnknownCustomer
from monolith.payments.model import VERSIONS, Customer, Payment
from monolith.payments.provider import Charge


def customer_id(session, account_id):
    """The id of an account at the payment provider, or None if it has none."""
    return session.scalar(select(Customer.provider_id).where(Customer.account_id == account_id))


def make_customer(session, provider, *, account_id, name):
    """The id of an account at the payment provider, which makes one if there is none."""
    if known := customer_id(session, account_id):
        return known
    provider_id = provider.customer(account_id=account_id, name=name)
    keep_customer(session, account_id, provider_id)
    return provider_id


def keep_customer(session, account_id, provider_id):
    """Store the id of an account at the payment provider, in place of any earlier one."""
    customer = insert(Customer).values(account_id=account_id, provider_id=provider_id)
    session.execute(
        customer.on_conflict_do_update(
            index_elements=[Customer.account_id],
            set_={"provider_id": customer.excluded.provider_id},
        )
    )


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
    """The charge of a booking's total to the card; without an id if there is nothing to pay.

    customer_id() is the account's id at the provider; customer_id(instead_of=id) makes another."""
    if amount == 0:
        return Charge(id=None, succeeded=True)
    charged = _charge(
        provider,
        customer_id,
        account_id=account_id,
        hold_id=hold_id,
        amount=amount,
        currency=currency,
        payment_method=payment_method,
    )
    if charged.succeeded:
        done_outside(session)
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


def _charge(provider, customer_id, **order):
    known = customer_id()
    try:
        return provider.charge(customer_id=known, **order)
    except UnknownCustomer:
        return provider.charge(customer_id=customer_id(instead_of=known), **order)


def refund(session, provider, *, booking_id, now):
    """Refund what a booking cost."""
    of_charge = select(Payment).where(Payment.booking_id == booking_id, Payment.kind == "charge")
    paid = session.scalar(of_charge)
    if paid is None:
        return
    if paid.provider_id:
        provider.refund(paid.provider_id, key=booking_id, booking_id=booking_id)
        done_outside(session)
    _store(session, paid.refunded(id=uuid.uuid4().hex, now=now))


def _store(session, payment):
    session.add(payment)
    record(session, messages.money_moved(payment))


def recorded(session, charge_ids):
    """Those of some charges at the provider that a booking was paid with."""
    among = Payment.provider_id == any_(literal(charge_ids, ARRAY(String)))
    return set(session.scalars(select(Payment.provider_id).where(among)))


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
