"""Which seats nobody else can have. A claim is a row whose key is the seat: there is only one.

Claims are made in the order of the seats' ids, so that two holds of the same seats never wait for
each other."""

from datetime import timedelta

from sqlalchemy import bindparam, delete, literal_column, select, update
from sqlalchemy.dialects.postgresql import insert

from extracted.bookings.model import Claim, Hold
from extracted.bookings.refusals import HoldExpired, SeatTaken

REMEMBER_FOR = timedelta(hours=1)
FOR_EVER = literal_column("'infinity'::timestamptz")
# It never changes, so it is made once; over the table, since nothing but rows is needed.
CLAIMS = Claim.__table__
_TAKEN = select(CLAIMS.c.seat_id, CLAIMS.c.until == FOR_EVER).where(
    CLAIMS.c.event_id == bindparam("event_id"),
    CLAIMS.c.until > bindparam("now"),
)


def take(session, hold, now):
    """Claim all seats of a hold, or none; SeatTaken names those that are taken."""
    _refuse(hold, _claimed(session, hold.seats, now))  # without waiting for a booking that runs
    session.add(hold)
    session.flush()
    _refuse(hold, set(hold.seats) - _claim(session, hold, now))


def _claimed(session, seats, now):
    claims = select(Claim.seat_id).where(Claim.seat_id.in_(seats), Claim.until > now)
    return set(session.scalars(claims))


def _claim(session, hold, now):
    """The seats of the hold that could be claimed: without a claim, or with an expired one."""
    rows = [
        {
            "seat_id": seat,
            "event_id": hold.event_id,
            "hold_id": hold.id,
            "until": hold.expires_at,
        }
        for seat in sorted(hold.seats)
    ]
    claim = insert(Claim).values(rows)
    claim = claim.on_conflict_do_update(
        index_elements=[Claim.seat_id],
        set_={"hold_id": claim.excluded.hold_id, "until": claim.excluded.until},
        where=Claim.until <= now,
    )
    return set(session.scalars(claim.returning(Claim.seat_id)))


def _refuse(hold, taken):
    if taken:
        raise SeatTaken([seat for seat in hold.seats if seat in taken])


def taken(session, event_id, now):
    """{seat: held or sold} of the event's seats that are not free."""
    claims = session.execute(_TAKEN, {"event_id": event_id, "now": now})
    return {seat: "sold" if is_sold else "held" for seat, is_sold in claims}


def lock(session, hold):
    """Keep the claims of a hold until the transaction ends; HoldExpired if a seat is lost."""
    claims = select(Claim.seat_id).where(Claim.hold_id == hold.id)
    locked = session.scalars(claims.order_by(Claim.seat_id).with_for_update()).all()
    if len(locked) < len(hold.seats):
        raise HoldExpired()


def sell(session, hold):
    """Keep the seats of a hold for ever."""
    claims = update(Claim).where(Claim.hold_id == hold.id)
    session.execute(claims.values(hold_id=None, until=FOR_EVER))


def free(session, seats):
    """Free seats that were sold."""
    _delete(session, Claim.seat_id.in_(seats), Claim.until == FOR_EVER)


def drop(session, *hold_ids):
    """Free the seats of some holds, and forget the holds."""
    _delete(session, Claim.hold_id.in_(hold_ids))
    session.execute(delete(Hold).where(Hold.id.in_(hold_ids)))


def _delete(session, *conditions):
    claims = select(Claim.seat_id).where(*conditions)
    locked = session.scalars(claims.order_by(Claim.seat_id).with_for_update()).all()
    session.execute(delete(Claim).where(Claim.seat_id.in_(locked)))


def forget(session, now):
    """Drop holds that expired an hour ago."""
    expired = select(Hold.id).where(Hold.expires_at <= now - REMEMBER_FOR)
    drop(session, *session.scalars(expired))
