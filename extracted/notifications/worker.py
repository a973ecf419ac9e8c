"""The process of notifications: python -m extracted.notifications.worker [replay]"""

import os
import sys
from datetime import UTC, datetime

from extracted.notifications import config, copies, handlers
from extracted.notifications.mailer import Mailer
from kit import log, trace, worker
from kit.database import Database

# A replay goes in this order: the mails need the copies.
GROUPS = {"notifications-copies": copies, "notifications": handlers}


class Process:
    """What lives as long as the process."""

    def __init__(self, settings, clock=lambda: datetime.now(UTC)):
        self.clock = clock
        self.database = Database(settings.database_url, connections=len(GROUPS))
        self.mailer = Mailer(settings.smtp_url, sender=settings.mail_from)


def main():
    settings = config.from_environment(os.environ)
    log.configure(settings.log_level)
    trace.configure(settings)
    process = Process(settings)
    databases = dict.fromkeys(GROUPS, process.database)
    worker.main(sys.argv[1:], GROUPS, process, settings, databases=databases)


if __name__ == "__main__":
    main()
