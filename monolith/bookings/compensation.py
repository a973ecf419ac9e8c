"""What is undone when the transaction of a booking does not take effect.

The database rolls back its own rows. If the card was charged, the rest is undone here, in this
order:

1. See whether the booking is there: a commit may take effect although its answer was lost. If so,
   nothing is undone.
2. Drop the hold: it must not be booked again with a charge that is given back.
3. Give the charge back.

1 and 2 are one transaction. If the database is away, nobody can tell: the charge stays, and is
logged."""

from sqlalchemy.exc import SQLAlchemyError

from monolith.bookings import holds
from monolith.bookings.model import Hold
from monolith.payments import service as payments


class Compensation:
    """The sequence for one booking; charge_id is set once the card is charged."""

    def __init__(self, hold_id, *, database, provider):
        self.hold_id = hold_id
        self.database = database
        self.provider = provider
        self.charge_id = None

    def run(self):
        if self.charge_id is None:
            return
        try:
            is_booked = self._drop_unless_booked()
        except SQLAlchemyError:
            payments.log_charge_without_booking(self.charge_id, self.hold_id)
        else:
            if not is_booked:
                payments.give_back(self.provider, self.charge_id, hold_id=self.hold_id)

    def _drop_unless_booked(self):
        """Whether the hold has become a booking; dropped if not."""
        with self.database.transaction() as session:
            held = session.get(Hold, self.hold_id, with_for_update=True)
            if held and held.used:
                return True
            holds.drop(session, self.hold_id)
            return False
