import uuid
from datetime import datetime

from sqlalchemy import func, select, tuple_
from sqlalchemy.dialects.postgresql import insert

from extracted.payments import messages
from extracted.payments.model import TO_DO, VERSIONS, Customer, Payment, state_of
from extracted.payments.outcomes import Charge, UnknownCustomer
from kit.outbox import record

AT_THE_BOX_OFFICE = Charge(None, succeeded=True)
LOCKS = 4  # the first of two lock numbers: no other lock of ours begins with it


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


def follow(session, provider, *, happened, booking, customer_id, now):
    """Move a booking's money as a message about it requires; record what was moved.

    happened is the type of the message, and booking its payload. customer_id() is the account's id
    at the provider; customer_id(instead_of=id) makes another."""
    # a message that is tried again may be processed at the same time as a later one
    lock = func.pg_advisory_xact_lock(LOCKS, func.hashtext(booking["id"]))
    session.execute(select(lock))
    of_booking = select(Payment).where(Payment.booking_id == booking["id"])
    payments = session.scalars(of_booking.order_by(Payment.version)).all()
    reason = happened.replace(".", "-")
    match TO_DO.get((state_of(payments), happened)):
        case "charge" if booking.get("paid_at") == "box-office":
            made_at = datetime.fromisoformat(booking["created_at"])
            _store(session, _charge(booking, AT_THE_BOX_OFFICE, made_at), snapshot=True)
        # later nobody is charged: booking.declined follows
        case "charge" if now < datetime.fromisoformat(booking["pay_by"]):
            card = booking["payment_method"]
            charge = _ask(provider.charge, customer_id, booking, payment_method=card)
            _store(session, _charge(booking, charge, now))
        case "close":
            tried_at = datetime.fromisoformat(booking["created_at"])
            charge = _charge(booking, _ask(provider.close, customer_id, booking), tried_at)
            is_charged = charge.status == "succeeded"
            _store(session, charge, None if is_charged else reason)
            if is_charged:
                _refund(session, provider, charge, reason, now)
        case "refund":
            _refund(session, provider, payments[0], reason, now)


def _ask(request, customer_id, booking, **more):
    order = {
        "account_id": booking["account_id"],
        "hold_id": booking["hold_id"],
        "amount": booking["total"],
        "currency": booking["currency"],
        **more,
    }
    known = customer_id()
    try:
        return request(customer_id=known, **order)
    except UnknownCustomer:
        return request(customer_id=customer_id(instead_of=known), **order)


def _charge(booking, charge, at):
    return Payment(
        id=uuid.uuid4().hex,
        booking_id=booking["id"],
        account_id=booking["account_id"],
        kind="charge",
        amount=booking["total"],
        currency=booking["currency"],
        status="succeeded" if charge.succeeded else "declined",
        created_at=at,
        provider_id=charge.id,
        version=VERSIONS["charge"],
    )


def _refund(session, provider, charge, reason, now):
    if charge.provider_id:
        booking_id = charge.booking_id
        provider.refund(charge.provider_id, key=booking_id, booking_id=booking_id)
    _store(session, charge.refunded(id=uuid.uuid4().hex, now=now), reason)


def _store(session, payment, reason=None, *, snapshot=False):
    session.add(payment)
    record(session, messages.money_moved(payment, reason), snapshot=snapshot)


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
