"""The consumer groups: each has a name that stays with its module, so that it takes its offsets
along."""

from monolith import sessions
from monolith.catalog import copies

# A replay goes in this order, too.
GROUPS = {"monolith-sessions": sessions, "catalog": copies}
# Whose role each of them works in: an attribute of the process's databases.
WORKS_AS = {"monolith-sessions": "sessions", "catalog": "catalog"}
