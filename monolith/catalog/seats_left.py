import threading

from sqlalchemy import func, select

from monolith.catalog.model import Seat


class SeatsLeft:
    """How many seats of each event are not sold, counted at start and then kept by this process."""

    def __init__(self):
        self._lock = threading.Lock()
        self._left = {}

    def load(self, session):
        free = func.count().filter(Seat.status == "free")
        counted = select(Seat.event_id, free).group_by(Seat.event_id)
        self._left = dict(session.execute(counted).all())

    def change(self, event_id, by):
        with self._lock:
            self._left[event_id] = self.of(event_id) + by

    def of(self, event_id):
        return self._left.get(event_id, 0)
