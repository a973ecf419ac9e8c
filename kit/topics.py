"""Create the topics that a file names, where they do not exist: python -m kit.topics
extracted/topics.json"""

import json
import os
import sys
from pathlib import Path

from kafka.admin import KafkaAdminClient, NewTopic
from kafka.errors import KafkaError, TopicAlreadyExistsError

from kit.kafka import connection
from kit.settings import KAFKA, or_exit, parse


def create(connection, topics):
    """Create topics, {name: {partitions, config}}; return the names of the new ones."""
    admin = KafkaAdminClient(**connection)
    try:
        created = [name for name, topic in topics.items() if _is_created(admin, name, topic)]
        # a group that joins before they are known would get no partitions
        admin.wait_for_topics(created)
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


def main(path):
    settings = or_exit(parse, KAFKA, os.environ)
    try:
        created = create(connection(settings), json.loads(Path(path).read_text()))
    except KafkaError as error:
        sys.exit(f"encore: Kafka at {','.join(settings.kafka_bootstrap_servers)}: {error}")
    print(f"created topics: {', '.join(created) or 'none, all exist'}")


if __name__ == "__main__":
    main(*sys.argv[1:])
