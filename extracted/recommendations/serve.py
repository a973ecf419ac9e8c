"""How gunicorn serves recommendations."""

import os

from extracted.recommendations.config import for_web
from kit import server

globals().update(server.options(for_web(os.environ)))
