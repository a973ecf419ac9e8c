from kit.refusals import Conflict, Invalid


class SeatTaken(Conflict):
    """Other holds or bookings have some of the seats."""

    kind = "seat-taken"
    title = "Seat taken"

    def __init__(self, seats):
        super().__init__("Some of these seats are taken.", seats=seats)


class EventStarted(Conflict):
    """The event has begun: no seat of it can be held any more."""

    kind = "event-started"
    title = "The event has started"

    def __init__(self):
        super().__init__("This event has started.")


class HoldUsed(Conflict):
    """The hold has been booked before."""

    kind = "hold-used"
    title = "The hold has been booked"

    def __init__(self):
        super().__init__("This hold has been booked already.")


class HoldExpired(Conflict):
    """The time of the hold is over."""

    kind = "hold-expired"
    title = "The hold has expired"

    def __init__(self):
        super().__init__("The hold has expired; its seats are free again.")


class NotConfirmed(Conflict):
    """Only a confirmed booking can be cancelled."""

    kind = "not-confirmed"
    title = "The booking is not confirmed"

    def __init__(self, status):
        super().__init__(f"This booking is {status}; only a confirmed one can be cancelled.")


class IdempotencyKeyReused(Invalid):
    """The account used this Idempotency-Key for another request."""

    kind = "idempotency-key-reused"
    title = "Idempotency key used before"

    def __init__(self):
        super().__init__([("Idempotency-Key", "was used for another request")])
