import uuid

from sqlalchemy import select, tuple_

from kit.refusals import Invalid, NotFound
from monolith.accounts import service as accounts
from monolith.bookings import holds, idempotency
from monolith.bookings.model import BookedSeat, Booking, Hold
from monolith.bookings.refusals import EventStarted, HoldExpired, HoldUsed
from monolith.catalog import service as catalog
from monolith.notifications import service as notifications
from monolith.payments import service as payments
from monolith.recommendations import service as recommendations


def hold(session, *, account_id, event, places, seats, now, hold_for):
    """Hold every seat until now + hold_for, or none; SeatTaken names those that are gone.

    event and places, the seats with their prices, are as the catalog's service answers them."""
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
    mailer,
    provider,
    customer_id,
):
    """The booking of a hold, after its card is charged and its mail sent.

    With an Idempotency-Key that was used before, the booking that it made. places are the seats as
    the catalog's service answers them; customer_id() answers the account's id at the payment
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
    if key:
        idempotency.remember(session, booking=booking, **request)
    mail = _confirmation(session, booking, places, mailer)
    about = {"account_id": account_id, "booking_id": booking.id, "now": now}
    with notifications.connection(mailer) as connection:
        charge = _charge(session, booking, payment_method, now, provider, customer_id)
        booking.settle(paid=charge.succeeded)
        if booking.status == "confirmed":
            holds.sell(session, held)
            recommendations.booked(session, account_id=account_id, event_id=booking.event_id)
            notifications.confirm(session, mailer, connection, mail, **about)
        else:
            holds.release(session, held.id)
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


def _confirmation(session, booking, places, mailer):
    return notifications.confirmation(
        mailer,
        account=accounts.find(session, booking.account_id),
        booking_id=booking.id,
        event=catalog.find(session, booking.event_id),
        seats=places,
        total=booking.total,
        currency=booking.currency,
    )


def cancel(session, booking, *, now, provider):
    """Cancel a booking that is locked: its seats are free, its charge is given back."""
    booking.cancel()
    holds.free(session, booking.seats)
    session.flush()
    payments.refund(session, provider, booking_id=booking.id, now=now)
    recommendations.cancelled(session, account_id=booking.account_id, event_id=booking.event_id)


def finish_cancellation(session, booking_id, *, now, provider):
    """Whether a booking was still confirmed although its charge was refunded; it is cancelled."""
    booking = session.get(Booking, booking_id, with_for_update={"of": Booking})
    if booking is None or booking.status != "confirmed":
        return False
    cancel(session, booking, now=now, provider=provider)
    return True


def hold_is_over(session, hold_id, now):
    """Whether a hold can no longer be booked. Nobody books it before this transaction ends."""
    held = session.get(Hold, hold_id, with_for_update=True)
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
    """Drop what has expired."""
    holds.forget(session, now)
    idempotency.forget(session, now)
