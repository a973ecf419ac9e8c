"""The worker, with the consumer groups of the catalog and of ended sessions: python -m
monolith.worker [replay]

Web processes do not know Kafka: their messages go to the outbox, and the worker processes them."""

import os
import sys

from kit import log, trace, worker
from kit.settings import KAFKA, or_exit, parse
from monolith import config
from monolith.groups import GROUPS, WORKS_AS
from monolith.process import Process


def main():
    settings = config.from_environment(os.environ)
    kafka_settings = or_exit(parse, KAFKA, os.environ)
    log.configure(settings.log_level)
    trace.configure(settings)
    process = Process(settings)
    databases = {group: getattr(process.db, WORKS_AS[group]) for group in GROUPS}
    worker.main(sys.argv[1:], GROUPS, process, kafka_settings, databases=databases)


if __name__ == "__main__":
    main()
