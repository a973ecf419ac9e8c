"""The consumer groups: one for each module, with its name, so that it takes its offsets along."""

from monolith.notifications import handlers as notifications
from monolith.payments import handlers as payments
from monolith.recommendations import handlers as recommendations

GROUPS = {
    "notifications": notifications,
    "payments": payments,
    "recommendations": recommendations,
}
