"""Which seats are out of others' reach. A claim is a row whose key is the seat: the database lets nobody make a second one.

Rows are claimed in the order of their ids, so that two who want the same seats the other way round never wait for each other."""

from datetime import timedelta

from sqlalchemy import delete, func, literal_column, select, update
from sqlalchemy.dialects.postgresql import insert

from monolith.bookings.model import Claim, Hold
from monolith.refusals import Conflict

REMEMBER_FOR = timedelta(hours=1)
FOR_EVER = literal_column("'infinity'::timestamptz")


def take(session, hold, now):
    """Claim all of hold's seats, or none; Conflict names those that are taken."""
    _refuse(hold, _claimed(session, hold.seats, now))  # whoever comes too late is told so at once, and need not wait for a booking that is under way
    session.add(hold)
    session.flush()
    rows = [{"seat_id": seat, "event_id": hold.event_id, "hold_id": hold.id, "until": hold.expires_at} for seat in sorted(hold.seats)]
    claim = insert(Claim).values(rows)
    claim = claim.on_conflict_do_update(
        index_elements=[Claim.seat_id], set_={"hold_id": claim.excluded.hold_id, "until": claim.excluded.until}, where=Claim.until <= now
    )
    _refuse(hold, set(hold.seats) - set(session.scalars(claim.returning(Claim.seat_id))))


def _claimed(session, seats, now):
    return set(session.scalars(select(Claim.seat_id).where(Claim.seat_id.in_(seats), Claim.until > now)))


def _refuse(hold, taken):
    if taken:
        raise seat_taken([seat for seat in hold.seats if seat in taken])


def taken(session, event_id, now):
    """{seat: held or sold} of the event's seats that are not free."""
    wanted = select(Claim.seat_id, Claim.until == FOR_EVER).where(Claim.event_id == event_id, Claim.until > now)
    return {seat_id: "sold" if is_sold else "held" for seat_id, is_sold in session.execute(wanted)}


def sold(session, event_ids):
    """{event: how many of its seats are sold}; those without any are left out."""
    wanted = select(Claim.event_id, func.count()).where(Claim.event_id.in_(event_ids), Claim.until == FOR_EVER).group_by(Claim.event_id)
    return dict(session.execute(wanted).all())


def lock(session, hold):
    """Keep hold's claims until the transaction ends, however long that takes; Conflict if somebody else has claimed a seat since."""
    mine = select(Claim.seat_id).where(Claim.hold_id == hold.id).order_by(Claim.seat_id).with_for_update()
    if len(session.scalars(mine).all()) < len(hold.seats):
        raise hold_expired()


def sell(session, hold):
    """Keep hold's seats for ever."""
    session.execute(update(Claim).where(Claim.hold_id == hold.id).values(hold_id=None, until=FOR_EVER))


def free(session, seats):
    """Let go of seats that were sold."""
    session.execute(delete(Claim).where(Claim.seat_id.in_(seats), Claim.until == FOR_EVER))


def release(session, *hold_ids):
    """Let go of the seats of some holds."""
    theirs = select(Claim.seat_id).where(Claim.hold_id.in_(hold_ids)).order_by(Claim.seat_id).with_for_update()
    session.execute(delete(Claim).where(Claim.seat_id.in_(session.scalars(theirs).all())))


def drop(session, *hold_ids):
    """Let go of the seats of some holds, and forget them."""
    release(session, *hold_ids)
    session.execute(delete(Hold).where(Hold.id.in_(hold_ids)))


def forget(session, now):
    """Drop holds that ran out an hour ago."""
    drop(session, *session.scalars(select(Hold.id).where(Hold.expires_at <= now - REMEMBER_FOR)))


def seat_taken(seats):
    return Conflict("Some of these seats are taken.", kind="seat-taken", seats=seats)


def hold_used():
    return Conflict("This hold has been booked already.", kind="hold-used")


def hold_expired():
    return Conflict("The hold has expired; its seats are free again.", kind="hold-expired")
