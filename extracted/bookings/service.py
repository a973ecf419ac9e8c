import uuid

from sqlalchemy import select, tuple_

from extracted.bookings import holds, idempotency, messages
from extracted.bookings.model import BookedSeat, Booking, Hold
from extracted.bookings.refusals import EventStarted, HoldExpired, HoldUsed
from kit.checks import as_text
from kit.failures import NotYet
from kit.outbox import record
from kit.refusals import Invalid, NotFound


def hold(session, *, account_id, event, places, seats, now, hold_for):
    """Hold every seat until now + hold_for, or none; SeatTaken names those that are gone.

    event, and places (the seats with their prices), are those of the copy of the catalog."""
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
    pending_for,
):
    """Book a hold: the booking, which is pending for at most pending_for until it is paid.

    If the Idempotency-Key was used before, return the booking that was made then. places are the
    seats with their prices."""
    request = {"account_id": account_id, "key": key, "body": (hold_id, payment_method), "now": now}
    if key and (booking := idempotency.booked_before(session, **request)):
        return booking
    held = _unused(own_hold(session, account_id=account_id, hold_id=hold_id, locked=True))
    if held.expires_at <= now:
        raise HoldExpired()
    holds.lock(session, held)
    held.used = True
    holds.sell(session, held)
    booking = _make(session, held, places, now)
    if key:
        idempotency.remember(session, booking=booking, **request)
    pay_by = as_text(now + pending_for)
    more = {"payment_method": payment_method, "pay_by": pay_by}
    record(session, messages.state(booking, places, **more))
    if booking.total == 0:
        booking.advance("paid")
        _publish(session, booking, places)
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


def _publish(session, booking, places):
    booking.version += 1
    record(session, messages.state(booking, places))


def cancel(session, booking, *, places):
    """Cancel a booking that is locked: its seats are free, and its charge will be given back."""
    booking.cancel()
    holds.free(session, booking.seats)
    _publish(session, booking, places)
    if booking.total == 0:
        booking.advance("refunded")


def settle(session, booking_id, happened, *, places_of):
    """Change a booking because its money has moved, or because its time is over.

    places_of(seats) returns them with their prices."""
    booking = session.get(Booking, booking_id, with_for_update={"of": Booking})
    if booking is None:
        raise NotYet(f"booking {booking_id}")
    had_seats = booking.has_seats
    if not booking.advance(happened) or not had_seats:
        return  # a cancellation was published when it began, and its seats are free since then
    if not booking.has_seats:
        holds.free(session, booking.seats)
    _publish(session, booking, places_of(booking.seats))


def overdue(session, made_before):
    """The ids of the bookings that have been pending since before a moment."""
    pending = select(Booking.id).where(
        Booking.status == "pending",
        Booking.created_at <= made_before,
    )
    return session.scalars(pending.order_by(Booking.created_at)).all()


def taken(session, event_id, now):
    """{seat: held or sold} of the event's seats that are not free."""
    return holds.taken(session, event_id, now)


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
