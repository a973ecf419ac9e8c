"""The copies: the catalog's events and seats, and the sessions that have ended."""

from datetime import UTC, datetime, timedelta

import pytest

from extracted.bookings import store, worker
from extracted.bookings.copies import COPIES
from kit import rebuild
from kit.checks import as_text
from kit.message import Message
from kit.worker import consumer

PLAN = "select id, position, section, row, number, price from seats order by event_id, position"
CLAIMS = "select seat_id, hold_id, until::text from claims"


def test_the_copy_has_the_plan_in_its_order(make_event, rows):
    event = make_event(sections=(("Stalls", 1, 2, 4500), ("Balcony", 1, 1, 2500)))

    assert rows(PLAN) == [
        (event.seats[0], 0, "Stalls", "A", 1, 4500),
        (event.seats[1], 1, "Stalls", "A", 2, 4500),
        (event.seats[2], 2, "Balcony", "A", 1, 2500),
    ]


def test_a_repeated_or_older_message_changes_nothing(process, broker, make_event, consumers, rows):
    event = make_event(version=2)
    before = rows("select * from events"), rows(PLAN)
    older = event.data | {"aggregate_version": 1, "currency": "SEK"}

    for data in (event.data, older):
        now = process.clock()
        broker.send([Message("catalog", "event.scheduled", event.id, data, recorded_at=now)])
        consumers["bookings-catalog"].step()

    assert (rows("select * from events"), rows(PLAN)) == before


@pytest.mark.parametrize("snapshot", [False, True])
def test_events_from_before_the_outbox_are_copied(process, broker, schedule, consumers, snapshot):
    data = schedule().data | {"id": "from-before"}
    now = process.clock()
    for section in data["sections"]:
        section["seats"] = [each | {"id": f"old-{each['id']}"} for each in section["seats"]]
    sent = Message(
        "catalog", "event.scheduled", "from-before", data, recorded_at=now, snapshot=snapshot
    )
    broker.send([sent])

    consumers["bookings-catalog"].step()

    with process.database.reading() as session:
        assert len(store.seats(session, "from-before")) == 10


def test_a_copy_can_be_built_again(process, broker, make_event, consumers, rows, fan, buy):
    event = make_event()
    buy(fan, event, event.seats[:1])
    before = rows("select * from events"), rows(PLAN), rows(CLAIMS)
    consumers["bookings-catalog"].source.close()

    rebuild.rebuild("bookings-catalog", COPIES, process.database.transaction, broker)
    emptied = rows("select * from events"), rows(PLAN)
    module = worker.GROUPS["bookings-catalog"]
    source = broker.source("bookings-catalog", module.TOPICS)
    consumer("bookings-catalog", module, process, source, process.database).step()

    assert emptied == ([], [])
    assert (rows("select * from events"), rows(PLAN), rows(CLAIMS)) == before


def test_only_the_copy_of_the_catalog_is_ever_emptied():
    assert worker.COPIES == {"bookings-catalog": COPIES}


@pytest.mark.parametrize("snapshot", [False, True])
def test_a_session_that_has_ended_is_refused(sign_up, process, broker, consumers, snapshot):
    ada, other = sign_up("ada"), sign_up("other")
    before = [each.get("/api/bookings").status_code for each in (ada, other)]
    now = datetime.now(UTC)
    data = {
        "sid": "session of ada",
        "exp": as_text(process.clock() + timedelta(hours=1)),
        "aggregate_version": 1,
    }
    ended = Message(
        "accounts", "session.ended", "session of ada", data, recorded_at=now, snapshot=snapshot
    )

    broker.send([ended])
    consumers["bookings-sessions"].step()

    assert before == [200, 200]
    assert [each.get("/api/bookings").status_code for each in (ada, other)] == [401, 200]
