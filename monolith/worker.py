"""The worker: a consumer group for each part that listens to others: python -m monolith.worker [replay]

Web processes know no Kafka: what they say goes through the outbox, and what they would have waited for is done here."""

import os
import sys
from functools import partial

from extracted.kit import log, settings, trace, worker
from monolith import config
from monolith.groups import GROUPS
from monolith.process import Process
from monolith.refusals import Unavailable


def main():
    told = config.from_environment(os.environ)
    of_kafka = settings.or_exit(settings.parse, settings.KAFKA, os.environ)
    log.configure(told.log_level)
    trace.configure(vars(told))
    process = Process(told)
    worker.main(sys.argv[1:], GROUPS, process, of_kafka, transaction=lambda group: partial(process.db.transaction, group), away=(Unavailable,))


if __name__ == "__main__":
    main()
