"""The consumer groups: one for each module, with its name, so that it takes its offsets along."""

from monolith.payments import handlers as payments

GROUPS = {"payments": payments}
