"""The number of statements per request does not grow with the number of rows."""

from contextlib import contextmanager

import pytest
from sqlalchemy import event as events
from sqlalchemy.engine import Engine

# With the query whether the session has ended, where there is one.
READS = {
    "/api/venues": 2,
    "/api/events": 2,
    "/api/events/{event}": 2,
    "/api/events/{event}/seats": 2,
    "/api/bookings": 3,
    "/api/bookings/{booking}": 3,
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
def test_reading_many_rows_needs_no_more_statements(fan, sign_up, make_event, buy, catch_up, path):
    made = [make_event() for _ in range(2)]
    bookings = [buy(fan, made[0], [made[0].seats[0]])]
    other = sign_up("other")
    buy(other, made[0], [made[0].seats[1]])
    buy(other, made[1], [made[1].seats[1]])
    catch_up()
    path = path.format(event=made[0].id, booking=bookings[0]["id"])
    few = statements(fan, path)

    for seat in range(2, 6):
        more = make_event()
        buy(sign_up(f"visitor{seat}"), more, more.seats[:2])
        buy(fan, made[0], [made[0].seats[seat]])
    catch_up()

    assert (
        len(statements(fan, path))
        == len(few)
        == READS[path.replace(made[0].id, "{event}").replace(bookings[0]["id"], "{booking}")]
    ), few


def test_buying_many_seats_needs_no_more_statements(fan, event, buy, catch_up):
    catch_up()
    with counting() as one:
        buy(fan, event, event.seats[:1])
    with counting() as many:
        buy(fan, event, event.seats[1:9])

    assert len(one) == len(many)
