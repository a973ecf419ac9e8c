"""The worker of payments: python -m extracted.payments.worker [replay]

It also has the relay of its database: nobody else records messages there."""

import os
import sys
from datetime import UTC, datetime

from extracted.payments import config, copies, handlers
from extracted.payments.provider import Provider
from kit import log, trace, worker
from kit.database import Database

# A replay goes in this order: a customer is made with the name of the account.
GROUPS = {"payments-copies": copies, "payments": handlers}


class Process:
    """What lives as long as the process."""

    def __init__(self, settings, clock=lambda: datetime.now(UTC)):
        self.clock = clock
        # a handler that makes a customer stores it in a transaction of its own
        self.database = Database(settings.database_url, connections=2 * len(GROUPS))
        self.provider = Provider(
            settings.stripe_api_base,
            settings.stripe_api_key,
            timeout=settings.stripe_timeout_seconds,
        )


def main():
    settings = config.for_worker(os.environ)
    log.configure(settings.log_level)
    trace.configure(settings)
    process = Process(settings)
    options = {
        "databases": dict.fromkeys(GROUPS, process.database),
        "outbox": settings.database_url,
    }
    worker.main(sys.argv[1:], GROUPS, process, settings, **options)


if __name__ == "__main__":
    main()
