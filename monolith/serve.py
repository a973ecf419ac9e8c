"""How gunicorn serves the monolith: one process with threads, since its state is in its memory."""

import os

from kit import log, server
from monolith.config import from_environment

settings = from_environment(os.environ)

bind = f"{settings.host}:{settings.port}"
workers = 1
worker_class = server.Worker
threads = settings.threads
limit_request_line = limit_request_field_size = server.LARGEST_LINE
limit_request_fields = server.MOST_HEADERS
graceful_timeout = 30
keepalive = 5
control_socket_disable = True
logconfig_dict = log.config(settings.log_level)


def post_worker_init(worker):
    from monolith import reconcile  # here, since gunicorn's first process needs no shop in memory

    process = worker.wsgi.extensions["process"]
    process.memory.start_sweeper(process.clock)
    reconcile.start(process)
