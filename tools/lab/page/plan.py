"""The plan of a step that the page draws: its owners, with their processes, and who publishes and
consumes which topic."""

from functools import cached_property

MONOLITH = "monolith"
OUTSIDE = {"mail": "notifications", "payments-sandbox": "payments"}  # who asks them


class Plan:
    """What a tree says about who talks with whom. The topics have the names of the modules that
    publish them, and the names of the groups begin with the owner's if there is one."""

    def __init__(self, tree):
        self.tree = tree

    @cached_property
    def processes(self):
        return list(self.tree.processes())

    def kind(self, process):
        """facade, relay, worker or web."""
        if self.tree.serves(process):
            return "web"
        return process.split("-")[-1]

    def relay_of(self, topic):
        """The process that sends the messages of a topic: a relay, or else the worker of who
        publishes them."""
        owner = self.tree.owner_of(topic)
        return self._of(owner, "relay") or self._of(owner, "worker")

    def consumer_of(self, group):
        return self._of(self.tree.owner_of(group), "worker")

    def _of(self, owner, kind):
        return next(iter(self._all_of(owner, kind)), "")

    def lanes(self):
        """[{owner, web, relay, worker, database, outside}]: names of processes, in the order of the
        Procfile."""
        owners = dict.fromkeys(
            self.tree.owner_of(process) for process in self.processes if process != "facade"
        )
        return [
            {
                "owner": owner,
                **{kind: self._all_of(owner, kind) for kind in ("web", "relay", "worker")},
                "database": self.database_of(owner),
                "outside": [
                    service
                    for service, user in OUTSIDE.items()
                    if self.tree.owner_of(user) == owner
                ],
            }
            for owner in owners
        ]

    def _all_of(self, owner, kind):
        return [
            process
            for process in self.processes
            if self.tree.owner_of(process) == owner and self.kind(process) == kind
        ]

    def database_of(self, owner):
        if owner not in self.tree.owners:
            return ""
        return "postgres" if owner == MONOLITH else f"postgres-{owner}"

    def as_shown(self, settings):
        """The plan, for the page."""
        topics = [
            {"name": name, "relay": self.relay_of(name), "owner": self.tree.owner_of(name)}
            for name in self.tree.topics
        ]
        return {
            "step": self.tree.slug,
            "shop": settings["BASE_URL"],
            "mail": settings["MAIL_URL"],
            "facade": "facade" in self.processes,
            "lanes": self.lanes(),
            "topics": topics,
            "routes": [
                {"name": each.name, "process": each.process, "paths": each.paths}
                for each in self.tree.routes()
            ],
        }
