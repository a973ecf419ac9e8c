"""The worker of recommendations: python -m extracted.recommendations.worker [replay | rebuild]"""

import os
import sys

from extracted.recommendations import config, copies
from kit import log, trace, worker
from kit.database import Database

NAME = "recommendations-worker"
GROUPS = {"recommendations-copy": copies}


def main():
    settings = config.for_worker(os.environ)
    log.configure(settings.log_level)
    trace.configure(settings)
    database = Database(settings.database_url, connections=len(GROUPS))
    databases = dict.fromkeys(GROUPS, database)
    copied = {group: module.COPIES for group, module in GROUPS.items()}
    worker.main(sys.argv[1:], GROUPS, None, settings, databases=databases, copies=copied, name=NAME)


if __name__ == "__main__":
    main()
