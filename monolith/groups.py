"""Who listens: a consumer group for each part, named for the part, so that one that leaves takes its offsets along."""

from monolith.notifications import handlers as notifications
from monolith.payments import handlers as payments
from monolith.recommendations import handlers as recommendations

GROUPS = {"notifications": notifications, "payments": payments, "recommendations": recommendations}
