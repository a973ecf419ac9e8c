"""The consumer groups: one for each module, with its name, so that it takes its offsets along."""

from monolith.payments import handlers as payments
from monolith.recommendations import handlers as recommendations

GROUPS = {
    "payments": payments,
    "recommendations": recommendations,
}
