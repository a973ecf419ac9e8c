"""The consumer groups: one for each module, with its name, so that it takes its offsets along."""

from monolith.bookings import handlers as bookings
from monolith.payments import handlers as payments

GROUPS = {"bookings": bookings, "payments": payments}
