import uuid

from sqlalchemy import select, tuple_

from kit.outbox import record
from kit.refusals import Invalid, NotFound
from monolith.bookings import holds, idempotency, messages
from monolith.bookings.model import BookedSeat, Booking, Hold
from monolith.bookings.refusals import EventStarted, HoldExpired, HoldUsed
from monolith.payments import service as payments


def hold(session, *, account_id, event, places, seats, now, hold_for):
    """Hold every seat until now + hold_for, or none; SeatTaken names those that are gone.

    event, and places (the seats with their prices), are what the catalog's service returned."""
    its_seats = [place for place in places if place.event_id == event.id]
    if len(its_seats) < len(seats):
        raise Invalid([("seats", "must be different seats of this event")])
    if event.starts_at <= now:
        raise EventStarted()
    held = Hold(
        id=uuid.uuid4().hex,
        account_id=account_id,
        event_id=event.id,
        seats=seats,
        total=sum(seat.price for seat in its_seats),
        currency=event.currency,
        expires_at=now + hold_for,
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
    """The account's hold, or None if only its booking is left; NotFound if it is not theirs."""
    held = session.get(Hold, hold_id, with_for_update=locked or None)
    if held and held.account_id == account_id:
        return held
    its_booking = select(Booking.id).where(
        Booking.hold_id == hold_id,
        Booking.account_id == account_id,
    )
    if held or not session.scalar(its_booking):
        raise NotFound("There is no such hold.")
    return None


def _unused(held):
    if held is None or held.used:
        raise HoldUsed()
    return held


def book(
    session,
    *,
    account_id,
    hold_id,
    payment_method,
    places,
    key,
    now,
    provider,
    customer_id,
):
    """Book a hold: charge the card, and return the booking.

    If the Idempotency-Key was used before, return the booking that was made then. places are the
    seats that the catalog's service returned. customer_id() returns the account's id at the payment
    provider."""
    request = {"account_id": account_id, "key": key, "body": (hold_id, payment_method), "now": now}
    if key and (booking := idempotency.booked_before(session, **request)):
        return booking
    held = _unused(own_hold(session, account_id=account_id, hold_id=hold_id, locked=True))
    if held.expires_at <= now:
        raise HoldExpired()
    holds.lock(session, held)
    held.used = True
    booking = _make(session, held, places, now)
    record(session, messages.state(booking, places, payment_method=payment_method))
    if key:
        idempotency.remember(session, booking=booking, **request)
    charge = _charge(session, booking, payment_method, now, provider, customer_id)
    booking.settle(paid=charge.succeeded)
    if booking.status == "confirmed":
        holds.sell(session, held)
    else:
        holds.release(session, held.id)
    record(session, messages.state(booking, places))
    return booking


def _make(session, held, places, now):
    booking = Booking(
        id=uuid.uuid4().hex,
        account_id=held.account_id,
        event_id=held.event_id,
        hold_id=held.id,
        total=held.total,
        currency=held.currency,
        created_at=now,
        version=1,
        booked=[BookedSeat(seat_id=place.id, position=place.position) for place in places],
    )
    session.add(booking)
    session.flush()
    return booking


def _charge(session, booking, payment_method, now, provider, customer_id):
    return payments.charge(
        session,
        provider,
        booking_id=booking.id,
        account_id=booking.account_id,
        hold_id=booking.hold_id,
        amount=booking.total,
        currency=booking.currency,
        customer_id=customer_id,
        payment_method=payment_method,
        now=now,
    )


def cancel(session, booking, *, places, now, provider):
    """Cancel a booking that is locked: its seats are free, its charge is given back."""
    booking.cancel()
    holds.free(session, booking.seats)
    session.flush()
    payments.refund(session, provider, booking_id=booking.id, now=now)
    record(session, messages.state(booking, places))


def finish_cancellation(session, booking_id, *, places_of, now, provider):
    """Whether a booking was still confirmed although its charge was refunded; it is cancelled.

    places_of(seats) is what the catalog's service answers for them."""
    booking = session.get(Booking, booking_id, with_for_update={"of": Booking})
    if booking is None or booking.status != "confirmed":
        return False
    places = places_of(booking.seats)
    cancel(session, booking, places=places, now=now, provider=provider)
    return True


def hold_is_over(session, hold_id, now):
    """Whether a hold can no longer be booked, and no booking of it is pending. Nobody books it
    before this transaction ends."""
    held = session.get(Hold, hold_id, with_for_update=True)
    # only the next step commits a booking that is pending: both work on one database for a while
    pending = select(Booking.id).where(Booking.hold_id == hold_id, Booking.status == "pending")
    if session.scalar(pending):
        return False
    return held is None or held.used or held.expires_at <= now


def taken(session, event_id, now):
    """{seat: held or sold} of the event's seats that are not free."""
    return holds.taken(session, event_id, now)


def sold(session, event_ids):
    """{event: how many of its seats are sold}; events without any are left out."""
    return holds.sold(session, event_ids)


def find(session, *, account_id, booking_id, locked=False):
    """The account's booking; NotFound if not theirs. `locked` locks it for the transaction."""
    own = select(Booking).where(Booking.id == booking_id, Booking.account_id == account_id)
    booking = session.scalar(own.with_for_update(of=Booking) if locked else own)
    if booking is None:
        raise NotFound("There is no such booking.")
    return booking


def of_account(session, *, account_id, limit, after):
    """The bookings of an account, newest first; one more than limit."""
    own = select(Booking).where(Booking.account_id == account_id)
    if after:
        own = own.where(tuple_(Booking.created_at, Booking.id) < tuple_(*after))
    newest_first = own.order_by(Booking.created_at.desc(), Booking.id.desc())
    return session.scalars(newest_first.limit(limit + 1)).all()


def forget(session, now):
    """Delete the holds and the idempotency keys that have expired."""
    holds.forget(session, now)
    idempotency.forget(session, now)
