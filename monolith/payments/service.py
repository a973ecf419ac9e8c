import logging
import uuid
from functools import partial

from sqlalchemy import select, tuple_
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import SQLAlchemyError

from extracted.kit.outbox import record
from monolith.db import on_rollback
from monolith.payments import facts
from monolith.payments.model import Customer, Payment
from monolith.refusals import Unavailable

log = logging.getLogger(__name__)


def customer_id(session, account_id):
    """The id of an account at the payment provider, or None if it has none yet."""
    return session.scalar(select(Customer.provider_id).where(Customer.account_id == account_id))


def make_customer(session, process, *, account_id, name):
    """The id of an account at the payment provider, which makes one if it has none."""
    if known := customer_id(session, account_id):
        return known
    provider_id = process.provider.customer(account_id=account_id, name=name)
    session.execute(insert(Customer).values(account_id=account_id, provider_id=provider_id).on_conflict_do_nothing())
    return provider_id


def charge(session, process, *, booking_id, hold_id, amount, currency, customer_id, payment_method, now, may_give_back):
    """Whether a booking's card was charged; given back if the transaction does not take effect, and may_give_back() says so."""
    if amount == 0:
        return True
    charged = process.provider.charge(customer_id=customer_id, hold_id=hold_id, amount=amount, currency=currency, payment_method=payment_method)
    if charged.succeeded:
        on_rollback(session, partial(_give_back, process.provider, charged.id, hold_id, may_give_back))
    money = {"amount": amount, "currency": currency, "status": "succeeded" if charged.succeeded else "declined", "provider_id": charged.id}
    _note(session, Payment(id=uuid.uuid4().hex, booking_id=booking_id, kind="charge", created_at=now, **money))
    return charged.succeeded


def _give_back(provider, charge_id, hold_id, may_give_back):
    try:
        if may_give_back():
            provider.refund(charge_id, key=hold_id)
    except (Unavailable, SQLAlchemyError):
        log.error("charged without a booking", extra={"charge_id": charge_id, "hold_id": hold_id})


def refund(session, process, *, booking_id, now):
    """Give back what a booking cost."""
    paid = session.scalar(select(Payment).where(Payment.booking_id == booking_id, Payment.kind == "charge"))
    if paid is None:
        return
    if paid.provider_id:
        process.provider.refund(paid.provider_id, key=booking_id)
    _note(session, paid.given_back(id=uuid.uuid4().hex, now=now))


def _note(session, payment):
    session.add(payment)
    record(session, facts.moved(payment))


def of_booking(session, *, booking_id, limit, after):
    """The payments of a booking, oldest first; one more than limit."""
    wanted = select(Payment).where(Payment.booking_id == booking_id)
    if after:
        wanted = wanted.where(tuple_(Payment.created_at, Payment.id) > tuple_(*after))
    return session.scalars(wanted.order_by(Payment.created_at, Payment.id).limit(limit + 1)).all()
