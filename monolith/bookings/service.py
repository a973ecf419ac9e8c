import uuid
from functools import partial

from sqlalchemy import select, tuple_

from kit.database import on_commit, on_rollback
from kit.refusals import Invalid, NotFound
from monolith.bookings import idempotency
from monolith.bookings.holds import Hold
from monolith.bookings.model import Booking
from monolith.bookings.refusals import EventStarted, HoldUsed, SeatTaken
from monolith.catalog import service as catalog
from monolith.catalog.model import Seat
from monolith.notifications import service as notifications
from monolith.payments import service as payments


def hold(session, *, account_id, event_id, seats, now, hold_for, holds):
    """Hold every seat until now + hold_for, or none; SeatTaken names those that are gone."""
    event = catalog.find(session, event_id)
    its_prices = select(Seat.price).where(Seat.id.in_(seats), Seat.event_id == event_id)
    prices = session.scalars(its_prices).all()
    if len(prices) < len(seats):
        raise Invalid([("seats", "must be different seats of this event")])
    if event.starts_at <= now:
        raise EventStarted()
    held = Hold(
        id=uuid.uuid4().hex,
        account_id=account_id,
        event_id=event_id,
        seats=seats,
        total=sum(prices),
        currency=event.currency,
        expires_at=now + hold_for,
    )
    holds.take(held, now)
    if sold := _sold(session, seats):  # after the hold is taken: nobody else can buy them any more
        holds.give_back(held)
        raise SeatTaken([seat for seat in seats if seat in sold])
    return held


def _sold(session, seats):
    its_sold = select(Seat.id).where(Seat.id.in_(seats), Seat.status == "sold")
    return set(session.scalars(its_sold))


def give_back(session, *, account_id, hold_id, now, holds):
    """Free the seats of a hold."""
    held = own_hold(session, account_id=account_id, hold_id=hold_id, holds=holds)
    if held is None:
        raise HoldUsed()
    with held.lock:
        if held.used:
            raise HoldUsed()
        if holds.find(hold_id) is None or not held.keeps(now):
            raise NotFound("There is no such hold.")
        holds.give_back(held)


def own_hold(session, *, account_id, hold_id, holds):
    """The account's hold, or None if only its booking is left; NotFound if it is not theirs."""
    held = holds.find(hold_id)
    if held and held.account_id == account_id:
        return held
    its_booking = select(Booking.id).where(
        Booking.hold_id == hold_id,
        Booking.account_id == account_id,
    )
    if held or not session.scalar(its_booking):
        raise NotFound("There is no such hold.")
    return None


def book(session, *, account_id, held, hold_id, payment_method, key, now, memory, mailer, provider):
    """The booking of a hold, after its card is charged and its mail sent.

    With an Idempotency-Key that was used before, the booking that it made."""
    request = {"account_id": account_id, "key": key, "body": (hold_id, payment_method), "now": now}
    if key and (booking := idempotency.booked_before(session, **request)):
        return booking
    if held is None:
        raise HoldUsed()
    memory.holds.begin_booking(held, now)
    on_rollback(session, partial(memory.holds.end_booking, held, used=False))
    on_commit(session, partial(memory.holds.end_booking, held, used=True))
    booking = _make(session, held, now)
    if key:
        idempotency.remember(session, booking=booking, **request)
    mail = notifications.confirmation(mailer, booking)
    with mailer.connection() as connection:
        charge = payments.charge(session, provider, booking, payment_method=payment_method, now=now)
        booking.settle(paid=charge.succeeded)
        if booking.status == "confirmed":
            on_commit(session, partial(_count, memory, booking, 1))
            notifications.confirm(session, mailer, connection, booking, mail, now)
    return booking


def _make(session, held, now):
    its_seats = select(Seat).where(Seat.id.in_(held.seats)).order_by(Seat.id).with_for_update()
    seats = session.scalars(its_seats).all()
    sold = [seat.id for seat in seats if seat.status == "sold"]
    if sold:
        raise HoldUsed() if _is_booked(session, held) else SeatTaken(sold)
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


def _is_booked(session, held):
    """Whether a commit whose answer was lost has taken effect."""
    return session.scalar(select(Booking.id).where(Booking.hold_id == held.id)) is not None


def _count(memory, booking, by):
    """Bring the counters up to date: by is 1 for a booking and -1 for a cancellation."""
    memory.seats_left.change(booking.event_id, -by * len(booking.seats))
    change = memory.similarity.add if by > 0 else memory.similarity.remove
    change(booking.account_id, booking.event_id)


def cancel(session, booking, *, now, memory, provider):
    """Cancel a booking that is locked: its seats are free, its charge is given back."""
    booking.cancel()
    session.flush()
    payments.refund(session, provider, booking, now=now)
    on_commit(session, partial(_count, memory, booking, -1))


def finish_cancellation(session, booking_id, *, now, memory, provider):
    """Whether a booking was still confirmed although its charge was refunded; it is cancelled."""
    booking = session.get(Booking, booking_id, with_for_update={"of": Booking})
    if booking is None or booking.status != "confirmed":
        return False
    cancel(session, booking, now=now, memory=memory, provider=provider)
    return True


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
