"""What consumer groups still have to process of what was recorded before a moment. Under load there
is always something newer."""

from datetime import UTC, datetime

from tools.lab.look.flow import Flow


class Backlog(Flow):
    """What is there for these groups now; it is settled when they have processed all of it."""

    def __init__(self, system, groups):
        super().__init__(system)
        self.wanted = set(groups)
        self.until = datetime.now(UTC)
        self.last = {}  # {partition: the offset behind what was there}

    def _is_quiet(self):
        if not self._is_published():
            return False
        self.last = self.last or self._ends()
        assigned = self._assigned()
        return self.wanted <= assigned.keys() and self._are_at(
            self.last, {group: assigned[group] for group in self.wanted}
        )
