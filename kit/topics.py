"""Create the topics that a file names, and give those that exist the configuration in the file:
python -m kit.topics extracted/topics.json"""

import json
import os
import sys
from pathlib import Path

from kafka.admin import ConfigResource, KafkaAdminClient, NewTopic
from kafka.errors import KafkaError, TopicAlreadyExistsError

from kit.kafka import connection
from kit.settings import KAFKA, or_exit, parse


def create(connection, topics):
    """Create topics, {name: {partitions, config}}; return the names of the new ones."""
    admin = KafkaAdminClient(**connection)
    try:
        created = [name for name, topic in topics.items() if _is_created(admin, name, topic)]
        # a group that joins before they are known would get no partitions
        admin.wait_for_topics(list(topics))
    finally:
        admin.close()
    return created


def _is_created(admin, name, topic):
    """Create a topic; False if it exists."""
    new_topic = NewTopic(
        name,
        num_partitions=topic["partitions"],
        replication_factor=-1,  # as the cluster's default is
        topic_configs=topic["config"],
    )
    try:
        admin.create_topics([new_topic])
    except TopicAlreadyExistsError:
        return False
    return True


def configure(connection, topics):
    """Give topics that exist the configuration that they shall have; return what was changed as
    {(topic, setting): (before, after)}.

    ValueError if a topic has another number of partitions: more of them would break the order of
    the messages of a key."""
    admin = KafkaAdminClient(**connection)
    try:
        for topic in admin.describe_topics(list(topics)):
            _check_partitions(topic, topics[topic["name"]]["partitions"])
        changes = _differences(admin, topics)
        admin.alter_configs(
            [
                ConfigResource("topic", name, {setting: after})
                for (name, setting), (_, after) in changes.items()
            ]
        )
    finally:
        admin.close()
    return changes


def _check_partitions(topic, wanted):
    found = len(topic["partitions"])
    if found != wanted:
        raise ValueError(f"the topic {topic['name']} has {found} partitions instead of {wanted}")


def _differences(admin, topics):
    resources = [ConfigResource("topic", name, topic["config"]) for name, topic in topics.items()]
    found = admin.describe_configs(resources, config_filter="all")["topic"]
    return {
        (name, setting): (found[name][setting]["value"], value)
        for name, topic in topics.items()
        for setting, value in topic["config"].items()
        if found[name][setting]["value"] != value
    }


def main(path):
    settings = or_exit(parse, KAFKA, os.environ)
    topics = json.loads(Path(path).read_text())
    try:
        created = create(connection(settings), topics)
        changes = configure(connection(settings), topics)
    except (KafkaError, ValueError) as error:
        sys.exit(f"encore: Kafka at {','.join(settings.kafka_bootstrap_servers)}: {error}")
    print(f"created topics: {', '.join(created) or 'none, all exist'}")
    for (topic, setting), (before, after) in changes.items():
        print(f"changed topic {topic}: {setting} from {before} to {after}")


if __name__ == "__main__":
    main(*sys.argv[1:])
