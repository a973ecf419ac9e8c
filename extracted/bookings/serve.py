"""How gunicorn serves bookings."""

import os

from extracted.bookings.config import for_web
from kit import server

globals().update(server.options(for_web(os.environ)))
