"""How gunicorn serves the monolith."""

import os

from kit import server
from monolith.config import from_environment


def start(process):
    from monolith import reconcile  # here, since gunicorn's first process needs no shop in memory

    reconcile.start(process)


globals().update(server.options(from_environment(os.environ), start))
