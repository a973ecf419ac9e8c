"""The copy is the same in whatever order, and however often, its messages come."""

from itertools import permutations

import pytest
from sqlalchemy import select

from extracted.recommendations import copies
from extracted.recommendations.model import Concert, Purchase
from kit import dead_letters, worker
from kit.failures import TryLater

GROUP = "recommendations-copy"
BOOKING = {"id": "b", "account_id": "ada", "event_id": "concert"}
CONCERT = ("catalog", "event.scheduled", {"id": "concert", "title": "Small Hours"})
REQUESTED = ("bookings", "booking.requested", BOOKING)
CONFIRMED = ("bookings", "booking.confirmed", BOOKING)
DECLINED = ("bookings", "booking.declined", BOOKING)
CANCELLED = ("bookings", "booking.cancelled", BOOKING)


@pytest.fixture
def copied(database):
    """A function: (purchases, concerts) of the copy, each row with what matters here."""

    def copied():
        with database.reading() as session:
            purchases = session.scalars(select(Purchase)).all()
            concerts = session.scalars(select(Concert)).all()
        return (
            [
                (each.booking_id, each.account_id, each.event_id, each.confirmed)
                for each in purchases
            ],
            [(each.event_id, each.title, each.version) for each in concerts],
        )

    return copied


@pytest.mark.parametrize("order", list(permutations((CONCERT, CONFIRMED, CANCELLED))))
def test_messages_in_any_order_leave_the_same_copy(deliver, copied, order):
    for each in order:
        deliver(each)

    assert copied() == ([("b", "ada", "concert", False)], [("concert", "Small Hours", 1)])


def test_rows_from_before_the_outbox_are_copied(deliver, copied):
    deliver(CONCERT, CONFIRMED, snapshot=True)

    assert copied() == ([("b", "ada", "concert", True)], [("concert", "Small Hours", 1)])


def test_a_declined_booking_leaves_no_purchase(deliver, copied):
    deliver(REQUESTED, DECLINED)

    assert copied() == ([], [])


def test_an_older_concert_never_replaces_a_newer(deliver, copied):
    older, newer = (
        (*CONCERT[:2], {"id": "concert", "title": title, "aggregate_version": version})
        for version, title in ((1, "Old"), (2, "New"))
    )

    deliver(newer)
    deliver(older)

    assert copied() == ([], [("concert", "New", 2)])


@pytest.mark.parametrize("order", list(permutations(("live", "snapshot", "dead letter"))))
def test_one_version_that_comes_in_three_ways_is_kept_once(
    deliver, copied, database, broker, order
):
    for way in order:
        if way == "dead letter":
            deliver(CONFIRMED, only="nobody")
            make_dead_letter(database, broker)
            assert replay(database) == 0
        else:
            deliver(CONFIRMED, snapshot=way == "snapshot")

    assert copied() == ([("b", "ada", "concert", True)], [])


def make_dead_letter(database, broker):
    """Make the last record of the topic a dead letter, which no consumer has processed."""
    record = broker.logs["bookings", 0].pop()
    with database.transaction() as session:
        dead_letters.add(session, GROUP, record, TryLater("not now"))


def replay(database):
    """Replay the dead letters; the number that is left."""
    return dead_letters.replay(worker.consumer(GROUP, copies, None, None, database))


def test_samples_with_an_unknown_field_are_copied(deliver, copied, topic_of):
    deliver(*((topic_of[type], type, {"new": True}) for type in copies.HANDLERS))

    purchases, concerts = copied()
    assert (len(purchases), len(concerts)) == (1, 1)


@pytest.mark.parametrize("changes", [{"account_id": 5}, {"event_id": "nul \0"}])
def test_a_message_of_any_content_stops_no_other(deliver, copied, eventually, changes):
    deliver(("bookings", "booking.confirmed", {**BOOKING, **changes, "aggregate_version": "x"}))

    deliver(CONCERT, CONFIRMED)

    eventually(lambda: deliver() or ("b", "ada", "concert", True) in copied()[0])
