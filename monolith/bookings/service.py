import uuid
from datetime import timedelta
from functools import partial

from sqlalchemy import select, tuple_

from monolith.bookings import holds, idempotency
from monolith.bookings.holds import hold_expired, hold_used, seat_taken
from monolith.bookings.model import Booking, Hold
from monolith.catalog import service as catalog
from monolith.catalog.model import Seat
from monolith.notifications import service as notifications
from monolith.payments import service as payments
from monolith.recommendations import service as recommendations
from monolith.refusals import Conflict, Invalid, NotFound


def hold(session, process, *, account_id, event_id, seats, now):
    """Keep every seat for HOLD_SECONDS, or none of them; Conflict names those that are taken."""
    event = catalog.find(session, event_id)
    prices = session.scalars(select(Seat.price).where(Seat.id.in_(seats), Seat.event_id == event_id)).all()
    if len(prices) < len(seats):
        raise Invalid([("seats", "must be different seats of this event")])
    if event.starts_at <= now:
        raise Conflict("This event has started.", kind="event-started")
    held = Hold(
        id=uuid.uuid4().hex,
        account_id=account_id,
        event_id=event_id,
        seats=seats,
        total=sum(prices),
        currency=event.currency,
        expires_at=now + timedelta(seconds=process.settings.hold_seconds),
    )
    holds.take(session, held, now)
    return held


def give_back(session, *, account_id, hold_id, now):
    """Free the seats of a hold."""
    held = _unused(own_hold(session, account_id=account_id, hold_id=hold_id, locked=True))
    if held.expires_at <= now:
        raise NotFound("There is no such hold.")
    holds.drop(session, hold_id)


def own_hold(session, *, account_id, hold_id, locked=False):
    """The hold if it is account_id's own, or None if it was booked and is known from its booking only."""
    held = session.get(Hold, hold_id, with_for_update=locked or None)
    if held and held.account_id == account_id:
        return held
    if held or not session.scalar(select(Booking.id).where(Booking.hold_id == hold_id, Booking.account_id == account_id)):
        raise NotFound("There is no such hold.")
    return None


def _unused(held):
    if held is None or held.used:
        raise hold_used()
    return held


def book(session, process, *, account_id, hold_id, payment_method, key, now):
    """The booking of a hold with its card charged and its mail sent; with a key that was used before, the booking it made."""
    asked = (hold_id, payment_method)
    if key and (booking := idempotency.booked_before(session, account_id=account_id, key=key, asked=asked, now=now)):
        return booking
    held = _unused(own_hold(session, account_id=account_id, hold_id=hold_id, locked=True))
    if held.expires_at <= now:
        raise hold_expired()
    holds.lock(session, held)
    held.used = True
    booking = _make(session, held, now)
    if key:
        idempotency.remember(session, account_id=account_id, key=key, asked=asked, booking=booking, now=now)
    with process.mailer.connection() as connection:
        may_give_back = partial(_drop_hold, process, held.id)
        booking.settle(paid=payments.charge(session, process.provider, booking, payment_method=payment_method, now=now, may_give_back=may_give_back))
        if booking.status == "confirmed":
            recommendations.booked(session, account_id=account_id, event_id=booking.event_id)
            notifications.confirm(session, process.mailer, connection, booking, now)
    holds.release(session, held.id)
    return booking


def _drop_hold(process, hold_id):
    """Whether a booking that was rolled back is none: then its hold is gone, since it must not be booked with a charge that is given back.

    A commit that was cut off may have taken effect all the same; and while the database is away nobody can tell."""
    with process.db.transaction() as session:
        held = session.get(Hold, hold_id, with_for_update=True)
        if held and held.used:
            return False
        holds.drop(session, hold_id)
        return True


def _make(session, held, now):
    seats = session.scalars(select(Seat).where(Seat.id.in_(held.seats)).order_by(Seat.id).with_for_update()).all()
    sold = [seat.id for seat in seats if seat.status == "sold"]
    if sold:
        raise seat_taken(sold)
    booking = Booking(
        id=uuid.uuid4().hex,
        account_id=held.account_id,
        event_id=held.event_id,
        hold_id=held.id,
        total=held.total,
        currency=held.currency,
        created_at=now,
        seats=sorted(seats, key=lambda seat: seat.position),
    )
    session.add(booking)
    session.flush()
    return booking


def cancel(session, process, booking, *, now):
    """Cancel a booking that is locked: its seats are free, its charge is given back."""
    booking.cancel()
    session.flush()
    payments.refund(session, process.provider, booking, now=now)
    recommendations.cancelled(session, account_id=booking.account_id, event_id=booking.event_id)


def find(session, *, account_id, booking_id, locked=False):
    """A booking of account_id's own; locked against everybody else until the transaction ends, if so wanted."""
    wanted = select(Booking).where(Booking.id == booking_id, Booking.account_id == account_id)
    booking = session.scalar(wanted.with_for_update(of=Booking) if locked else wanted)
    if booking is None:
        raise NotFound("There is no such booking.")
    return booking


def of_account(session, *, account_id, limit, after):
    """The bookings of an account, newest first; one more than limit."""
    wanted = select(Booking).where(Booking.account_id == account_id)
    if after:
        wanted = wanted.where(tuple_(Booking.created_at, Booking.id) < tuple_(*after))
    return session.scalars(wanted.order_by(Booking.created_at.desc(), Booking.id.desc()).limit(limit + 1)).all()
