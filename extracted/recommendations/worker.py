"""The worker of recommendations: python -m extracted.recommendations.worker [replay | rebuild]"""

import os
import sys
from datetime import UTC, datetime

from extracted.recommendations import config, copies
from kit import log, sessions, trace, worker
from kit.database import Database

NAME = "recommendations-worker"
GROUPS = {"recommendations-sessions": sessions, "recommendations-copy": copies}
COPIES = {"recommendations-copy": copies.COPIES}


class Process:
    """What lives as long as the process."""

    def __init__(self, settings, clock=lambda: datetime.now(UTC)):
        self.clock = clock
        self.database = Database(settings.database_url, connections=len(GROUPS))


def main():
    settings = config.for_worker(os.environ)
    log.configure(settings.log_level)
    trace.configure(settings)
    process = Process(settings)
    databases = dict.fromkeys(GROUPS, process.database)
    options = {"databases": databases, "copies": COPIES, "name": NAME}
    worker.main(sys.argv[1:], GROUPS, process, settings, **options)


if __name__ == "__main__":
    main()
