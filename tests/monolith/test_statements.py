"""The number of statements per request does not grow with the number of rows."""

from contextlib import contextmanager

import pytest
from sqlalchemy import event as events
from sqlalchemy.engine import Engine

READS = {
    "/api/venues": 2,
    "/api/events": 2,
    "/api/events/{event}": 2,
}


@contextmanager
def counting():
    counted = []

    def count_statement(connection, cursor, statement, *more):
        counted.append(statement)

    events.listen(Engine, "before_cursor_execute", count_statement)
    try:
        yield counted
    finally:
        events.remove(Engine, "before_cursor_execute", count_statement)


def statements(client, path):
    with counting() as counted:
        assert client.get(path).status_code == 200
    return [each for each in counted if not each.startswith("set role")]


@pytest.mark.parametrize("path", READS)
def test_reading_many_rows_needs_no_more_statements(client, make_event, sell, path):
    first = make_event()
    sell(first, first.seats[:1])
    few = statements(client, path.format(event=first.id))

    for seat in range(1, 5):
        more = make_event()
        sell(more, more.seats[:2])
        sell(first, first.seats[seat : seat + 1])

    many = statements(client, path.format(event=first.id))
    assert len(many) == len(few) == READS[path], few
