"""How far the messages of a system have come, and its topics from the beginning."""

import time

from kafka.admin import KafkaAdminClient, NewTopic
from kafka.errors import RetriableError

from tools.lab.ground import waiting
from tools.lab.look import topics

HAS_OUTBOX = "select to_regclass('public.outbox') is not null"
UNPUBLISHED = "select count(*) from outbox where published_at is null and recorded_at <= %s"
CONSUMER = "worker"  # the last word of the name of a process that consumes
JOINED_AFTER = 0.5  # seconds in which no group has come, until all are believed to be there


class Flow:
    """The outboxes, topics and groups of a system whose Kafka is up."""

    def __init__(self, system):
        self.system = system
        self.address = system.settings["KAFKA_BOOTSTRAP_SERVERS"]
        self.groups = set()
        self.joined_at = 0.0
        self.until = "infinity"  # what was recorded later does not count

    def is_settled(self):
        """Whether all that was recorded is published, and all that was published is consumed: also
        what consumers have answered, and the answers to that."""
        try:
            return self._is_quiet()
        except RetriableError:  # a broker that has just started still loads its groups
            return False

    def ends(self):
        """{(topic, partition): offset of the next message} of the step's topics."""
        return {(each.topic, each.partition): end for each, end in self._ends().items()}

    def begin_again(self):
        """Make the topics anew, without a message; what the groups have committed goes with the
        old ones."""
        self.groups = set()
        admin = KafkaAdminClient(bootstrap_servers=self.address)
        wanted = self.system.tree.topics
        new = [
            NewTopic(name, each["partitions"], 1, topic_configs=each["config"])
            for name, each in wanted.items()
        ]
        try:
            admin.delete_topics(list(wanted))
            waiting.eventually(lambda: not set(wanted) & set(admin.list_topics()))
            admin.create_topics(new)
            admin.wait_for_topics(list(wanted))
        finally:
            admin.close()

    def _is_quiet(self):
        ends, assigned = self._ends(), self._assigned()
        if not self._have_joined(assigned):
            return False
        is_done = self._are_at(ends, assigned) and self._is_published()
        return is_done and self._ends() == ends  # nothing was published meanwhile

    def _is_published(self):
        for owner, server in self.system.servers.items():
            with server.connect(owner) as connection:
                has_outbox = connection.execute(HAS_OUTBOX).fetchone()[0]
                if has_outbox and connection.execute(UNPUBLISHED, [self.until]).fetchone() != (0,):
                    return False
        return True

    def _are_at(self, ends, assigned):
        """Whether each group has consumed its partitions up to these ends."""
        committed = topics.offsets(self.address)
        return all(
            ends[each] == 0 or (each in done and done[each].offset >= ends[each])
            for group, partitions in assigned.items()
            for done in [committed.get(group, {})]
            for each in partitions
        )

    def _have_joined(self, assigned):
        """Whether it is known who the groups are, and all of them are there."""
        consumers = [
            name for name in self.system.tree.processes() if name.split("-")[-1] == CONSUMER
        ]
        if not self.groups <= assigned.keys() or len(assigned) < len(consumers):
            return False
        if assigned.keys() != self.groups:
            self.groups = set(assigned)
            self.joined_at = time.monotonic()
        return time.monotonic() - self.joined_at > JOINED_AFTER

    def _ends(self):
        with topics.reader(self.address) as consumer:
            partitions = [
                each
                for topic in self.system.tree.topics
                for each in topics.partitions_of(consumer, topic)
            ]
            return consumer.end_offsets(partitions)

    def _assigned(self):
        """{group: its partitions of the step's topics} of the groups that are at work."""
        admin = KafkaAdminClient(bootstrap_servers=self.address)
        try:
            names = [group["group_id"] for group in admin.list_groups()]
            groups = admin.describe_groups(names) if names else {}
        finally:
            admin.close()
        known = self.system.tree.topics
        found = {
            name: {
                topics.TopicPartition(each["topic"], number)
                for member in group["members"]
                for each in (member["member_assignment"] or {}).get("assigned_partitions", ())
                for number in each["partitions"]
                if each["topic"] in known
            }
            for name, group in groups.items()
            if group["group_state"] == "Stable"
        }
        return {name: partitions for name, partitions in found.items() if partitions}
