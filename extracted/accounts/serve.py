"""How gunicorn serves accounts."""

import os

from extracted.accounts.config import from_environment
from kit import server

globals().update(server.options(from_environment(os.environ)))
