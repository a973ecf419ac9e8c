"""A request that is repeated with its Idempotency-Key has one effect (after the IETF draft of that header's name)."""

import hashlib
from datetime import timedelta

from sqlalchemy import delete, func, select

from monolith.bookings.model import Booking, IdempotencyKey
from monolith.refusals import Invalid

REMEMBER_FOR = timedelta(hours=24)


def booked_before(session, *, account_id, key, asked, now):
    """The booking that key made before, or None; waits while a request with the same key is running elsewhere."""
    session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(f"{account_id} {key}", 0))))
    known = session.get(IdempotencyKey, (account_id, key))
    if known is None:
        return None
    if known.created_at + REMEMBER_FOR <= now:
        session.delete(known)
        session.flush()
        return None
    if known.fingerprint != _fingerprint(asked):
        raise Invalid([("Idempotency-Key", "was used for another request")], kind="idempotency-key-reused")
    return session.get_one(Booking, known.booking_id)


def remember(session, *, account_id, key, asked, booking, now):
    session.add(IdempotencyKey(account_id=account_id, key=key, fingerprint=_fingerprint(asked), booking_id=booking.id, created_at=now))


def forget(session, now):
    """Drop keys that are no longer remembered."""
    session.execute(delete(IdempotencyKey).where(IdempotencyKey.created_at + REMEMBER_FOR <= now))


def _fingerprint(asked):
    return hashlib.sha256("\n".join(asked).encode()).hexdigest()
