"""The timer that declines bookings which have been pending for too long."""

import logging
import threading
from datetime import timedelta
from functools import partial

from sqlalchemy.exc import SQLAlchemyError

from extracted.bookings import service
from extracted.bookings.places import places_of
from kit import epoch

EVERY = 5.0  # seconds
log = logging.getLogger(__name__)


def start(process):
    """Decline overdue bookings in a thread of its own, until the returned event is set."""
    stop = threading.Event()

    def run():
        while not stop.wait(EVERY):
            try:
                decline_overdue(process)
            except SQLAlchemyError as error:  # the database is away
                log.error("no deadline was checked", extra={"error": type(error).__name__})

    threading.Thread(target=run, name="deadline", daemon=True).start()
    return stop


def decline_overdue(process):
    """Decline the bookings that have been pending for PENDING_SECONDS, each in a transaction."""
    pending_for = timedelta(seconds=process.settings.pending_seconds)
    with process.database.reading() as session:
        if not epoch.is_open(session):
            return  # the other side has a timer of its own
        overdue = service.overdue(session, process.clock() - pending_for)
    for booking_id in overdue:
        try:
            with process.database.transaction() as session:
                service.settle(
                    session, booking_id, "overdue", places_of=partial(places_of, process)
                )
        except Exception:  # one that fails must not stop the others
            log.exception("not declined", extra={"booking_id": booking_id})
