"""The worker of bookings: python -m extracted.bookings.worker [replay | rebuild]

It also has the deadline of the bookings that are pending."""

import os
import sys
from datetime import UTC, datetime

from extracted.bookings import config, copies, deadline, handlers
from kit import log, sessions, trace, worker
from kit.database import Database

NAME = "bookings-worker"
# A replay goes in this order: a booking that has ended is published with its seats.
GROUPS = {"bookings-sessions": sessions, "bookings-catalog": copies, "bookings": handlers}
COPIES = {"bookings-catalog": copies.COPIES}


class Process:
    """What lives as long as the process."""

    def __init__(self, settings, clock=lambda: datetime.now(UTC)):
        self.settings = settings
        self.clock = clock
        # a handler reads the copy beside its transaction, and so does the deadline
        self.database = Database(settings.database_url, connections=len(GROUPS) + 1)


def main():
    settings = config.for_worker(os.environ)
    log.configure(settings.log_level)
    trace.configure(settings)
    process = Process(settings)
    if not sys.argv[1:]:
        deadline.start(process)
    databases = dict.fromkeys(GROUPS, process.database)
    options = {"databases": databases, "copies": COPIES, "name": NAME}
    worker.main(sys.argv[1:], GROUPS, process, settings, **options)


if __name__ == "__main__":
    main()
