"""How gunicorn serves the monolith: a process with threads; the facade knows all instances."""

import os
import signal
import threading

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
forwarded_allow_ips = "*"  # nobody but the facade can reach this process
logconfig_dict = log.config(settings.log_level)


def post_worker_init(worker):
    from monolith import reconcile  # here, since gunicorn's first process needs no shop in memory

    process = worker.wsgi.extensions["process"]
    reconcile.start(process)
    signal.signal(signal.SIGTERM, lambda number, frame: drain(worker, process))


def drain(worker, process):
    """Stop without a failed request: become unready, serve until the facade knows, then stop."""
    if not process.draining:
        process.draining = True
        stop = threading.Timer(settings.drain_seconds, worker.handle_exit, [signal.SIGTERM, None])
        stop.start()
