import uuid
from datetime import timedelta
from functools import partial

from sqlalchemy import select, tuple_

from extracted.kit.outbox import record
from monolith.accounts import service as accounts
from monolith.bookings import facts, holds, idempotency
from monolith.bookings.holds import hold_expired, hold_used
from monolith.bookings.model import BookedSeat, Booking, Hold
from monolith.catalog import service as catalog
from monolith.payments import service as payments
from monolith.refusals import Conflict, Invalid, NotFound


def hold(session, process, *, account_id, event, places, seats, now):
    """Keep every seat for HOLD_SECONDS, or none of them; Conflict names those that are taken. Event and places are as the catalog knows them."""
    prices = [place.price for place in places if place.event_id == event.id]
    if len(prices) < len(seats):
        raise Invalid([("seats", "must be different seats of this event")])
    if event.starts_at <= now:
        raise Conflict("This event has started.", kind="event-started")
    held = Hold(
        id=uuid.uuid4().hex,
        account_id=account_id,
        event_id=event.id,
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
    """The booking of a hold with its card charged; with a key that was used before, the booking it made."""
    asked = (hold_id, payment_method)
    if key and (booking := idempotency.booked_before(session, account_id=account_id, key=key, asked=asked, now=now)):
        return booking
    held = _unused(own_hold(session, account_id=account_id, hold_id=hold_id, locked=True))
    if held.expires_at <= now:
        raise hold_expired()
    holds.lock(session, held)
    held.used = True
    booking, places = _make(session, held, now), catalog.seats(session, held.seats)
    record(session, facts.became(booking, places, payment_method=payment_method))
    if key:
        idempotency.remember(session, account_id=account_id, key=key, asked=asked, booking=booking, now=now)
    booking.settle(paid=_charge(session, process, booking, payment_method, now))
    if booking.status == "confirmed":
        holds.sell(session, held)
    else:
        holds.release(session, held.id)
    record(session, facts.became(booking, places))
    return booking


def _charge(session, process, booking, payment_method, now):
    return payments.charge(
        session,
        process,
        booking_id=booking.id,
        hold_id=booking.hold_id,
        amount=booking.total,
        currency=booking.currency,
        customer_id=_customer_id(process, booking.account_id),
        payment_method=payment_method,
        now=now,
        may_give_back=partial(_drop_hold, process, booking.hold_id),
    )


def _customer_id(process, account_id):
    """The account's id at the payment provider; made in a transaction of its own, lest its other bookings wait for the end of this one."""
    with process.db.reading("payments") as session:
        known = payments.customer_id(session, account_id)
    if known:
        return known
    with process.db.reading("accounts") as session:
        name = accounts.find(session, account_id).name
    with process.db.transaction("payments") as session:
        return payments.make_customer(session, process, account_id=account_id, name=name)


def _drop_hold(process, hold_id):
    """Whether a booking that was rolled back is none: then its hold is gone, since it must not be booked with a charge that is given back.

    A commit that was cut off may have taken effect all the same; and while the database is away nobody can tell."""
    with process.db.transaction("bookings") as session:
        held = session.get(Hold, hold_id, with_for_update=True)
        if held and held.used:
            return False
        holds.drop(session, hold_id)
        return True


def _make(session, held, now):
    booking = Booking(
        id=uuid.uuid4().hex,
        account_id=held.account_id,
        event_id=held.event_id,
        hold_id=held.id,
        total=held.total,
        currency=held.currency,
        created_at=now,
        booked=[BookedSeat(seat_id=seat) for seat in held.seats],
    )
    session.add(booking)
    session.flush()
    return booking


def cancel(session, process, booking, *, now):
    """Cancel a booking that is locked: its seats are free, its charge is given back."""
    booking.cancel()
    holds.free(session, booking.seats)
    session.flush()
    payments.refund(session, process, booking_id=booking.id, now=now)
    record(session, facts.became(booking, catalog.seats(session, booking.seats)))


def taken(session, event_id, now):
    """{seat: held or sold} of the event's seats that are not free."""
    return holds.taken(session, event_id, now)


def sold(session, event_ids):
    """{event: how many of its seats are sold}; those without any are left out."""
    return holds.sold(session, event_ids)


def is_own(session, *, account_id, booking_id):
    """Whether there is such a booking, and it is the account's."""
    return session.scalar(select(Booking.id).where(Booking.id == booking_id, Booking.account_id == account_id)) is not None


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


def forget(session, now):
    """Drop what has run out."""
    holds.forget(session, now)
    idempotency.forget(session, now)
