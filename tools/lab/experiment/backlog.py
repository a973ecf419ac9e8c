"""What consumer groups still have to process of what was recorded before a moment. Under load there
is always something newer."""

from datetime import UTC, datetime

from kafka.errors import RetriableError

from tools.lab.look import topics
from tools.lab.look.flow import HAS_OUTBOX, Flow

UNPUBLISHED = "select count(*) from outbox where published_at is null and recorded_at <= %s"


class Backlog(Flow):
    """What is there for these groups now."""

    def __init__(self, system, groups):
        super().__init__(system)
        self.wanted = set(groups)
        self.since = datetime.now(UTC)
        self.last = {}  # {partition: the offset behind what was there}

    def is_empty(self):
        """Whether all of it is published and processed by now."""
        try:
            return self._was_published() and self._was_processed()
        except RetriableError:  # a broker that has just started still loads its groups
            return False

    def _was_published(self):
        for owner, server in self.system.servers.items():
            with server.connect(owner) as connection:
                has_outbox = connection.execute(HAS_OUTBOX).fetchone()[0]
                if has_outbox and connection.execute(UNPUBLISHED, [self.since]).fetchone() != (0,):
                    return False
        return True

    def _was_processed(self):
        self.last = self.last or self._ends()
        assigned = self._assigned()
        if not self.wanted <= assigned.keys():
            return False
        committed = topics.offsets(self.address)
        return all(
            not self.last[each] or (each in done and done[each].offset >= self.last[each])
            for group in self.wanted
            for done in [committed.get(group, {})]
            for each in assigned[group]
        )
