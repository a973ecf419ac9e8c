"""Says the state as it is, once: what is from before there were facts, or was made since by code that records none.

It is marked as announced, since it did not happen just now: nobody is mailed again."""

import click
from flask.cli import with_appcontext
from sqlalchemy import select

from extracted.kit.outbox import record
from monolith.accounts import facts as accounts
from monolith.accounts.model import Account, EndedSession
from monolith.bookings import facts as bookings
from monolith.bookings.model import Booking
from monolith.catalog import facts as catalog
from monolith.catalog import store
from monolith.catalog.model import Event
from monolith.payments import facts as payments
from monolith.payments.model import Payment
from monolith.process import this_process


@click.command("announce")
@with_appcontext
def command():
    """Say every account, event, booking and payment that nothing has been said of. Run again, it says nothing twice."""
    total = 0
    while said := _in_one_transaction():
        total += said
        click.echo(f"announced {total}")


def _in_one_transaction():
    with this_process().db.transaction() as session:
        return announce(session)


def announce(session, batch=100):
    """Say up to a batch of what nothing has been said of; answer how many that were."""
    for model, order, facts_of in KINDS:
        rows = session.scalars(select(model).where(model.version == 0).order_by(*order).limit(batch).with_for_update(of=model)).all()
        if rows:
            record(session, *facts_of(session, rows), announced=True)
            session.flush()
            return len(rows)
    return 0


def _events(session, rows):
    seats = store.seats_of(session, [event.id for event in rows])
    return [catalog.scheduled(event, event.venue, seats[event.id]) for event in rows]


def _bookings(session, rows):
    places = {place.id: place for place in store.some_seats(session, [seat for booking in rows for seat in booking.seats])}
    return [bookings.became(booking, [places[seat] for seat in booking.seats]) for booking in rows]


KINDS = [
    (Account, [Account.id], lambda session, rows: [accounts.registered(row) for row in rows]),
    (EndedSession, [EndedSession.sid], lambda session, rows: [accounts.ended(row) for row in rows]),
    (Event, [Event.id], _events),
    (Booking, [Booking.id], _bookings),
    (Payment, [Payment.created_at, Payment.id], lambda session, rows: [payments.moved(row) for row in rows]),
]
