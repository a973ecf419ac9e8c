import uuid
from datetime import timedelta
from functools import partial

from sqlalchemy import select, tuple_

from monolith.bookings import idempotency
from monolith.bookings.holds import Hold, hold_used, seat_taken
from monolith.bookings.model import Booking
from monolith.catalog import service as catalog
from monolith.catalog.model import Seat
from monolith.db import on_commit, on_rollback
from monolith.notifications import service as notifications
from monolith.payments import service as payments
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
    process.holds.take(held, now)
    sold = set(session.scalars(select(Seat.id).where(Seat.id.in_(seats), Seat.status == "sold")))  # asked only now, when nobody else can buy them any more
    if sold:
        process.holds.give_back(held)
        raise seat_taken([seat for seat in seats if seat in sold])
    return held


def give_back(session, process, *, account_id, hold_id, now):
    """Free the seats of a hold."""
    held = own_hold(session, process, account_id=account_id, hold_id=hold_id)
    if held is None:
        raise hold_used()
    with held.lock:
        if held.used:
            raise hold_used()
        if process.holds.find(hold_id) is None or not held.keeps(now):
            raise NotFound("There is no such hold.")
        process.holds.give_back(held)


def own_hold(session, process, *, account_id, hold_id):
    """The hold if it is account_id's own, or None if it was booked and is known from its booking only."""
    held = process.holds.find(hold_id)
    if held and held.account_id == account_id:
        return held
    if held or not session.scalar(select(Booking.id).where(Booking.hold_id == hold_id, Booking.account_id == account_id)):
        raise NotFound("There is no such hold.")
    return None


def book(session, process, *, account_id, held, hold_id, payment_method, key, now):
    """The booking of a hold with its card charged and its mail sent; with a key that was used before, the booking it made."""
    asked = (hold_id, payment_method)
    if key and (booking := idempotency.booked_before(session, account_id=account_id, key=key, asked=asked, now=now)):
        return booking
    if held is None:
        raise hold_used()
    _begin(session, process, held, now)
    booking = _make(session, held, now)
    if key:
        idempotency.remember(session, account_id=account_id, key=key, asked=asked, booking=booking, now=now)
    with process.mailer.connection() as connection:
        booking.settle(paid=payments.charge(session, process.provider, booking, payment_method=payment_method, now=now))
        if booking.status == "confirmed":
            on_rollback(session, partial(process.holds.give_back, held))  # its charge is given back too: it must not be used again
            on_commit(session, partial(process.seats_left.change, booking.event_id, -len(booking.seats)))
            on_commit(session, partial(process.together.add, booking.account_id, booking.event_id))
            notifications.confirm(session, process.mailer, connection, booking, now)
    return booking


def _begin(session, process, held, now):
    process.holds.begin_booking(held, now)
    on_commit(session, partial(process.holds.end_booking, held, used=True))
    on_rollback(session, partial(process.holds.end_booking, held, used=False))


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
    on_commit(session, partial(process.seats_left.change, booking.event_id, len(booking.seats)))
    on_commit(session, partial(process.together.remove, booking.account_id, booking.event_id))


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
