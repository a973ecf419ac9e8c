"""A process that holds or books in a transaction, and goes on with each line that it reads:
stopped_writer.py DATABASE_URL before|between|after, by where the first pause is."""

import sys
from datetime import UTC, datetime

from tests.extracted.bookings.flip.sides import Writer

url, pause = sys.argv[1:]
writer = Writer(url, lambda: datetime.now(UTC))


def wait(where):
    if where == pause:
        print(where, flush=True)
        sys.stdin.readline()


try:
    with writer.database.transaction() as session:
        writer.overdue()
        wait("before")
        hold = writer.hold_in(session, "seat")
        wait("between")
        booking = writer.book_in(session, hold.id, "seat", key="key").id
        session.flush()
        wait("after")
    print(f"booked {booking}")
except Exception as error:
    print(f"refused {type(error).__name__}")
