"""The process of notifications: python -m extracted.notifications.worker [replay]"""

import sys
from contextlib import contextmanager
from datetime import UTC, datetime

from sqlalchemy import create_engine
from sqlalchemy.orm import Session

from extracted.kit import log, trace, worker
from extracted.notifications import config, copies, handlers
from extracted.notifications.mailer import Away, Mailer

GROUPS = {"notifications-copies": copies, "notifications": handlers}  # what is replayed first is what the others build on


class Process:
    """What lives as long as the process."""

    def __init__(self, settings, clock=lambda: datetime.now(UTC)):
        self.clock, self.mailer = clock, Mailer(settings["smtp_url"], sender=settings["mail_from"])
        options = {"pool_pre_ping": True, "connect_args": {"connect_timeout": 3, "options": "-c timezone=UTC"}}
        self.engine = create_engine(settings["database_url"], **options)

    @contextmanager
    def transaction(self):
        with Session(self.engine) as session, session.begin():
            yield session


def main():
    settings = config.from_environment()
    log.configure(settings["log_level"])
    trace.configure(settings)
    process = Process(settings)
    worker.main(sys.argv[1:], GROUPS, process, settings, transaction=lambda group: process.transaction, away=(Away,))


if __name__ == "__main__":
    main()
