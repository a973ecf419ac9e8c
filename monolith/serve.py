"""How gunicorn serves the monolith."""

import os

from kit import server
from monolith.config import from_environment

globals().update(server.options(from_environment(os.environ)))
