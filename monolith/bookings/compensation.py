"""What is undone when the transaction of a booking does not take effect.

The database rolls back its own rows. The rest is undone here, in this order:

1. The hold is dropped if its card was charged: it must not be booked again with that charge.
2. The charge is given back.
3. A hold that is still there can be booked again."""

from monolith.payments import service as payments


class Compensation:
    """The sequence for one booking; charge_id is set once the card is charged."""

    def __init__(self, held, *, holds, provider):
        self.held = held
        self.holds = holds
        self.provider = provider
        self.charge_id = None

    def run(self):
        if self.charge_id:
            self.holds.give_back(self.held)
            payments.give_back(self.provider, self.charge_id, hold_id=self.held.id)
        self.holds.end_booking(self.held, used=False)
