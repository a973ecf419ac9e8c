import threading
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from kit.checks import as_text
from monolith.bookings.refusals import HoldExpired, HoldUsed, SeatTaken

REMEMBER_FOR = timedelta(hours=1)


@dataclass
class Hold:
    """Seats that an account keeps until expires_at, and longer while a booking of them runs."""

    id: str
    account_id: str
    event_id: str
    seats: list[str]
    total: int
    currency: str
    expires_at: datetime
    being_booked: bool = False
    used: bool = False
    lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def keeps(self, now):
        """Whether nobody else can have the seats."""
        return self.being_booked or (now < self.expires_at and not self.used)

    def as_json(self):
        return {
            "id": self.id,
            "event_id": self.event_id,
            "seats": self.seats,
            "total": self.total,
            "currency": self.currency,
            "expires_at": as_text(self.expires_at),
        }


class Holds:
    """The holds, in this process's memory: a restart drops every one."""

    def __init__(self):
        self._lock = threading.Lock()
        self._by_id = {}
        self._by_seat = {}

    def take(self, hold, now):
        """Keep all seats of a hold, or none; SeatTaken names those that another hold keeps."""
        with self._lock:
            taken = [seat for seat in hold.seats if self._kept(seat, now)]
            if taken:
                raise SeatTaken(taken)
            self._by_id[hold.id] = hold
            self._by_seat.update(dict.fromkeys(hold.seats, hold))

    def _kept(self, seat, now):
        return seat in self._by_seat and self._by_seat[seat].keeps(now)

    def held(self, event_id, now):
        """The ids of the event's seats that are kept."""
        with self._lock:
            return {
                seat
                for seat, hold in self._by_seat.items()
                if hold.event_id == event_id and hold.keeps(now)
            }

    def find(self, hold_id):
        return self._by_id.get(hold_id)

    def begin_booking(self, hold, now):
        """Keep the seats until the booking ends; HoldUsed or HoldExpired if it is too late."""
        with self._lock:
            if hold.used:
                raise HoldUsed()
            if now >= hold.expires_at:
                raise HoldExpired()
            hold.being_booked = True

    def end_booking(self, hold, *, used):
        """Free the seats if the hold was used, else keep them as before."""
        with self._lock:
            hold.being_booked = False
            hold.used = used
            if used:
                self._free(hold)

    def give_back(self, hold):
        with self._lock:
            self._by_id.pop(hold.id, None)
            self._free(hold)

    def sweep(self, now):
        """Free the seats of holds that have expired, and forget those that did an hour ago."""
        with self._lock:
            for hold in list(self._by_id.values()):
                if not hold.keeps(now):
                    self._free(hold)
                if not hold.being_booked and hold.expires_at + REMEMBER_FOR <= now:
                    del self._by_id[hold.id]

    def _free(self, hold):
        for seat in hold.seats:
            if self._by_seat.get(seat) is hold:
                del self._by_seat[seat]
