"""How gunicorn serves the monolith: one process with threads; the facade spreads requests over several of them."""

import os
import signal
import threading

from extracted.kit import log
from monolith.config import from_environment

settings = from_environment(os.environ)

bind = f"{settings.host}:{settings.port}"
workers = 1
worker_class = "gthread"
threads = settings.threads
graceful_timeout = 30
keepalive = 5
control_socket_disable = True
forwarded_allow_ips = "*"  # nobody but the facade can reach this process
logconfig_dict = log.config(settings.log_level)


def post_worker_init(worker):
    process = worker.wsgi.extensions["encore"]
    signal.signal(signal.SIGTERM, lambda number, frame: drain(worker, process))


def drain(worker, process):
    """Say that this process is not ready, so that the facade sends nothing more; go on serving meanwhile; then stop."""
    if not process.draining:
        process.draining = True
        threading.Timer(settings.drain_seconds, worker.handle_exit, [signal.SIGTERM, None]).start()
