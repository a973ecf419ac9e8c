"""A service subscribes to the topics on which the messages are that it processes."""

from importlib import import_module

import pytest

from tools.lab.ground.tree import HERE

SERVICES = sorted(path.parent.name for path in HERE.path.glob("extracted/*/worker.py"))
GROUPS = {
    group: module
    for service in SERVICES
    for group, module in import_module(f"extracted.{service}.worker").GROUPS.items()
}


@pytest.mark.parametrize("group", GROUPS)
def test_a_group_subscribes_to_exactly_its_handlers_topics(group, topic_of):
    assert set(GROUPS[group].TOPICS) == {topic_of[type] for type in GROUPS[group].HANDLERS}
