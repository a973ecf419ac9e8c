"""Makes the topics that a file names, where they are not there yet, as release does: python -m extracted.kit.topics extracted/topics.json"""

import json
import os
import sys
from pathlib import Path

from kafka.admin import KafkaAdminClient, NewTopic
from kafka.errors import KafkaError, TopicAlreadyExistsError

from extracted.kit import settings
from extracted.kit.kafka import connection


def make(connection, wanted):
    """Those of wanted, {name: {partitions, config}}, that were made now."""
    admin, made = KafkaAdminClient(**connection), []
    try:
        for name, topic in wanted.items():
            try:
                admin.create_topics([NewTopic(name, num_partitions=topic["partitions"], replication_factor=-1, topic_configs=topic["config"])])
                made.append(name)
            except TopicAlreadyExistsError:
                continue
        admin.wait_for_topics(made)  # a group that joins before they are known would be given no partition
    finally:
        admin.close()
    return made


def main(path):
    told = settings.or_exit(settings.parse, settings.KAFKA, os.environ)
    try:
        made = make(connection(told), json.loads(Path(path).read_text()))
    except KafkaError as trouble:
        sys.exit(f"encore: Kafka at {','.join(told['kafka_bootstrap_servers'])}: {trouble}")
    print(f"made topics: {', '.join(made) or 'none, they are there'}")


if __name__ == "__main__":
    main(*sys.argv[1:])
