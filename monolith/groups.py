"""Who listens: a consumer group for each part, named for the part, so that one that leaves takes its offsets along."""

from monolith.payments import handlers as payments
from monolith.recommendations import handlers as recommendations

GROUPS = {"payments": payments, "recommendations": recommendations}
