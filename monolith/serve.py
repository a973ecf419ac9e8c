"""How gunicorn serves the monolith: one process with threads, since its state is in its memory."""

import os

from kit import log
from monolith.config import from_environment

settings = from_environment(os.environ)

bind = f"{settings.host}:{settings.port}"
workers = 1
worker_class = "gthread"
threads = settings.threads
graceful_timeout = 30
keepalive = 5
control_socket_disable = True
logconfig_dict = log.config(settings.log_level)


def post_worker_init(worker):
    process = worker.wsgi.extensions["process"]
    process.memory.start_sweeper(process.clock)
