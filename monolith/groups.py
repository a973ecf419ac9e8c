"""The consumer groups: each has the name of its module, so that it takes its offsets along."""

from monolith.bookings import handlers as bookings

GROUPS = {"bookings": bookings}
