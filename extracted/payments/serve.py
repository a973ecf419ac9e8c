"""How gunicorn serves payments."""

import os

from extracted.payments.config import for_web
from kit import server

globals().update(server.options(for_web(os.environ)))
