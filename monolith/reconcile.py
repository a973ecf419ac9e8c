"""Looks for money that moved at the payment provider although its booking does not say so, and
puts it right.

Two things are found: a charge whose hold never became a booking and can no longer become one, and
a refund whose booking is still confirmed. Charges of accounts that are not ours are left alone."""

import logging
import threading
from collections import Counter
from datetime import timedelta
from functools import partial

import click
from flask.cli import with_appcontext
from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError

from kit.process import this_process
from kit.refusals import Refusal
from monolith.accounts import service as accounts
from monolith.bookings import service as bookings
from monolith.catalog import service as catalog
from monolith.payments import service as payments

log = logging.getLogger(__name__)
EVERY = 300.0  # seconds
LOCKS = 3  # the first of two lock numbers: no other lock of ours begins with it


@click.command("reconcile")
@click.option("--days", type=click.IntRange(1, 90), default=7, help="How far to look back.")
@with_appcontext
def command(days):
    """Give back charges without a booking, and finish cancellations that were refunded."""
    try:
        done = reconcile(this_process(), timedelta(days=days))
    except Refusal as refusal:
        raise click.ClickException(refusal.detail) from None
    click.echo(", ".join(f"{what}: {done[what]}" for what in ("given back", "cancelled", "left")))


def start(process):
    """Reconcile now and then in a thread of its own, until the returned event is set.

    The first time looks a week back, the others as far as a charge may have been left alone."""
    stop = threading.Event()

    def run():
        window = timedelta(days=7)
        while not stop.is_set():
            try:
                reconcile_alone(process, window)
                window = timedelta(seconds=process.settings.hold_seconds) + timedelta(hours=1)
            except (Refusal, SQLAlchemyError) as error:
                log.error("not reconciled", extra={"error": type(error).__name__})
            stop.wait(EVERY)

    threading.Thread(target=run, name="reconcile", daemon=True).start()
    return stop


def reconcile_alone(process, window):
    """The answer of reconcile(), or None if another instance reconciles at this moment.

    The second lock number is the hour: an instance that hangs keeps the others from it for no
    longer."""
    lock = (LOCKS, int(process.clock().timestamp()) // 3600)
    with process.db.monolith.reading() as session:
        if not session.scalar(select(func.pg_try_advisory_lock(*lock))):
            return None
        try:
            return reconcile(process, window)
        finally:
            session.scalar(select(func.pg_advisory_unlock(*lock)))


def reconcile(process, window):
    """{given back, cancelled, left: how many}; left are those that failed, and are tried again."""
    since = process.clock() - window
    done = Counter()
    refunds = process.provider.refunds(since)
    for charge_id, booking_id in refunds.items():
        if booking_id:
            _try(done, "cancelled", _finish_cancellation, process, charge_id, booking_id)
    paid_holds = process.provider.paid_holds(since)
    with process.db.payments.reading() as session:
        recorded = payments.recorded(session, [paid.charge_id for paid in paid_holds])
    for paid in paid_holds:
        if paid.charge_id not in refunds and paid.charge_id not in recorded:
            _try(done, "given back", _give_back, process, paid)
    return done


def _try(done, what, repair, process, *found):
    try:
        is_done = repair(process, *found)
    except Exception:  # one that fails must not stop the others
        log.exception("left", extra={"found": str(found)})
        done["left"] += 1
    else:
        done[what] += is_done


def _finish_cancellation(process, charge_id, booking_id):
    with process.db.monolith.transaction() as session:
        is_done = bookings.finish_cancellation(
            session,
            booking_id,
            places_of=partial(catalog.seats, session),
            now=process.clock(),
            provider=process.provider,
        )
    if is_done:
        log.warning("cancelled", extra={"booking_id": booking_id, "charge_id": charge_id})
    return is_done


def _give_back(process, paid):
    """Whether a charge was given back: no booking was paid with it, and none will be."""
    with process.db.bookings.transaction() as session:
        if not bookings.hold_is_over(session, paid.hold_id, process.clock()):
            return False
        if not _is_ours_and_unrecorded(process, paid):
            return False
        process.provider.refund(paid.charge_id, key=paid.charge_id)
    log.warning("given back", extra={"hold_id": paid.hold_id, "charge_id": paid.charge_id})
    return True


def _is_ours_and_unrecorded(process, paid):
    with process.db.accounts.reading() as session:
        if not accounts.exists(session, paid.account_id):
            return False
    with process.db.payments.reading() as session:
        return not payments.recorded(session, [paid.charge_id])
