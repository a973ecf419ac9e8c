"""A request that is repeated with its Idempotency-Key has one effect (IETF draft of the header)."""

import hashlib
import re
from datetime import timedelta

from flask import request
from sqlalchemy import delete, func, select

from extracted.bookings.model import Booking, IdempotencyKey
from extracted.bookings.refusals import IdempotencyKeyReused

KEY = re.compile(r"[!-~]{1,255}")
LOCKS = 1  # the first of two lock numbers: no other lock of ours begins with it
REMEMBER_FOR = timedelta(hours=24)


def key_of_request():
    """(the Idempotency-Key or None, the errors in it) of the current request."""
    key = request.headers.get("Idempotency-Key")
    is_valid = key is None or KEY.fullmatch(key)
    errors = [("Idempotency-Key", "must be 1 to 255 visible ASCII characters")]
    return key, [] if is_valid else errors


def booked_before(session, *, account_id, key, body, now):
    """The booking that a request with this key made, or None.

    Waits while another request with the same key runs."""
    lock = func.pg_advisory_xact_lock(LOCKS, func.hashtext(f"{account_id} {key}"))
    session.execute(select(lock))
    known = session.get(IdempotencyKey, (account_id, key))
    if known is None:
        return None
    if known.created_at + REMEMBER_FOR <= now:
        session.delete(known)
        session.flush()
        return None
    if known.fingerprint != _fingerprint(body):
        raise IdempotencyKeyReused()
    return session.get_one(Booking, known.booking_id)


def remember(session, *, account_id, key, body, booking, now):
    """Store which booking the request with this key made."""
    session.add(
        IdempotencyKey(
            account_id=account_id,
            key=key,
            fingerprint=_fingerprint(body),
            booking_id=booking.id,
            created_at=now,
        )
    )


def forget(session, now):
    """Drop keys that are older than a day."""
    session.execute(delete(IdempotencyKey).where(IdempotencyKey.created_at + REMEMBER_FOR <= now))


def _fingerprint(body):
    return hashlib.sha256("\n".join(body).encode()).hexdigest()
