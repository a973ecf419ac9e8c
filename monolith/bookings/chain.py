"""The services that a booking calls, one after the other, before its request is answered."""

from datetime import timedelta
from functools import partial

import requests

from kit.checks import as_text
from kit.refusals import Unavailable
from monolith.accounts import service as accounts
from monolith.bookings import messages, service
from monolith.payments import service as payments

HAPPENED = {"succeeded": "paid", "declined": "refused"}
SECONDS = 8  # to wait for the answer of recommendations


def call(session, process, booking, places, *, payment_method, recommendations):
    """Pay for a pending booking, and have it stored at this address of recommendations; Unavailable
    if one of the two does not answer."""
    charge = _pay(session, process, booking, places, payment_method)
    service.settle(session, booking.id, HAPPENED[charge.status], places_of=lambda seats: places)
    if booking.status == "confirmed":
        _send(recommendations, messages.state(booking, places))


def _pay(session, process, booking, places, payment_method):
    now = process.clock()
    pay_by = as_text(now + timedelta(seconds=process.settings.pending_seconds))
    requested = messages.state(booking, places, payment_method=payment_method, pay_by=pay_by)
    payments.follow(
        session,
        process.provider,
        happened=requested.type,
        booking=requested.data,
        customer_id=partial(_customer_id, session, process.provider, booking.account_id),
        now=now,
    )
    its_own = {"account_id": booking.account_id, "booking_id": booking.id}
    (charge,) = payments.of_booking(session, **its_own, limit=1, after=None)
    return charge


def _customer_id(session, provider, account_id):
    name = accounts.find(session, account_id).name
    return payments.make_customer(session, provider, account_id=account_id, name=name)


def _send(address, message):
    try:
        answer = requests.post(f"http://{address}/purchases", json=message.data, timeout=SECONDS)
        answer.raise_for_status()
    except requests.RequestException as error:
        raise Unavailable("Recommendations") from error
