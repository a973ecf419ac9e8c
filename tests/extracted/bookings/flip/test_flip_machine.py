"""Whatever customers, money, clocks and stopped writers do while bookings flip there and back: no
seat is sold twice, nothing that was acknowledged is lost, and keys are honoured."""

import uuid
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy.exc import OperationalError

from extracted.bookings import move
from extracted.bookings.model import TRANSITIONS
from extracted.bookings.refusals import HoldExpired, SeatTaken
from extracted.bookings.verify import compare
from kit import epoch
from kit.refusals import OutcomeUnknown
from tests.extracted.bookings.flip.sides import HOLD_FOR, PENDING_FOR, SIDES, Writer, clear

SEATS = [f"seat {number}" for number in range(4)]
SOLD = """
select seat_id from booking_seats join bookings on id = booking_id
where status in ('pending', 'confirmed')"""
FOR_EVER = "select seat_id from claims where until = 'infinity'"
STATES = "select id, status from bookings"
KEYS = "select key, booking_id from idempotency_keys"
MESSAGES = "select key, data ->> 'aggregate_version' from outbox"
QUICKLY = 0.2  # seconds that a stopped writer has to end by itself
A_MOMENT = timedelta(seconds=5)


class Stopped:
    """A writer that has held and booked a seat of its own, and has stopped before its commit."""

    def __init__(self, writer, number):
        self.number = number  # of the epoch in which it has written
        self.transaction = ExitStack()
        session = self.transaction.enter_context(writer.database.transaction())
        self.seat = f"seat {uuid.uuid4().hex}"
        self.hold = writer.hold_in(session, self.seat).id
        self.booking = writer.book_in(session, self.hold, self.seat, key=self.seat).id
        session.flush()

    def wake(self):
        """Commit; whether that was done."""
        try:
            self.transaction.close()
        except (OperationalError, OutcomeUnknown):
            return False
        return True


class Flips(RuleBasedStateMachine):
    """What customers were told, against what the open side has."""

    pair = None  # the two servers

    def __init__(self):
        super().__init__()
        clear(self.pair)
        self.ahead = timedelta()
        self.writers = {side: Writer(self.pair.url(side), self.clock) for side in SIDES}
        self.owner = "monolith"
        self.is_replicated = False
        self.number = 1  # of the epoch
        self.holds = {}  # {hold: (its seat, when it ends)} of those that nobody has tried to book
        self.bookings = {}  # {booking: its status} as customers know it
        self.keys = {}  # {key: (hold, seat, booking)}
        self.stopped = []

    def clock(self):
        return datetime.now(UTC) + self.ahead

    @property
    def writer(self):
        return self.writers[self.owner]

    def rows(self, side, sql):
        with self.pair.connect(side) as connection:
            return connection.execute(sql).fetchall()

    # What customers do

    @rule(seat=st.sampled_from(SEATS))
    def hold(self, seat):
        try:
            self.holds[self.writer.hold(seat)] = seat, self.clock() + HOLD_FOR
        except SeatTaken:
            held = {seat for seat, ends in self.holds.values() if ends > self.clock() - A_MOMENT}
            assert seat in held | {seat for (seat,) in self.rows(self.owner, SOLD)}

    @precondition(lambda self: self.holds)
    @rule(data=st.data())
    def book(self, data):
        hold = data.draw(st.sampled_from(list(self.holds)))
        seat, ends = self.holds.pop(hold)
        try:
            booking = self.writer.book(hold, seat, key=hold)
        except HoldExpired:
            assert ends <= self.clock() + A_MOMENT
        else:
            self.booked(booking, hold, seat, key=hold)

    def booked(self, booking, hold, seat, key):
        self.bookings[booking] = "pending"
        self.keys[key] = hold, seat, booking

    @precondition(lambda self: self.keys)
    @rule(data=st.data())
    def repeat(self, data):
        key = data.draw(st.sampled_from(list(self.keys)))
        hold, seat, booking = self.keys[key]

        assert self.writer.book(hold, seat, key=key) == booking

    @precondition(lambda self: "confirmed" in self.bookings.values())
    @rule(data=st.data())
    def cancel(self, data):
        confirmed = [each for each, status in self.bookings.items() if status == "confirmed"]
        booking = data.draw(st.sampled_from(confirmed))

        self.writer.cancel(booking)

        self.advance(booking, "cancelled")

    # What happens to bookings

    @precondition(lambda self: self.bookings)
    @rule(data=st.data(), happened=st.sampled_from(["paid", "refused", "refunded"]))
    def money_moves(self, data, happened):
        booking = data.draw(st.sampled_from(list(self.bookings)))

        self.writer.settle(booking, happened)

        self.advance(booking, happened)

    @precondition(lambda self: not self.stopped)  # its seat would be waited for
    @rule(by=st.sampled_from([HOLD_FOR, PENDING_FOR]))
    def time_passes(self, by):
        self.ahead += by
        for booking in self.writer.overdue():
            self.writer.settle(booking, "overdue")
            self.advance(booking, "overdue")

    def advance(self, booking, happened):
        status = self.bookings[booking]
        self.bookings[booking] = TRANSITIONS.get((status, happened), status)

    # Writers that stop, and go on later

    @precondition(lambda self: len(self.stopped) < 2)
    @rule()
    def a_writer_stops(self):
        self.stopped.append(Stopped(self.writer, self.number))

    @precondition(lambda self: self.stopped)
    @rule()
    def a_writer_wakes(self):
        writer = self.stopped.pop()

        was_done = writer.wake()

        assert was_done == (writer.number == self.number)
        if was_done:
            self.booked(writer.booking, writer.hold, writer.seat, key=writer.seat)

    # The move

    @precondition(lambda self: self.owner == "monolith" and not self.is_replicated)
    @precondition(lambda self: not self.stopped)  # the slot waits for transactions that have begun
    @rule()
    def begin(self):
        with self.sides() as sides:
            move.begin(sides)
        self.is_replicated = True

    @precondition(lambda self: self.owner == "monolith" and self.is_replicated)
    @rule()
    def flip(self):
        with self.sides() as sides:
            self.close(sides)
            sides.to_bookings.catch_up()
            self.assert_the_same()
            move.turn(sides)
            self.open(sides, "bookings")

    @precondition(lambda self: self.owner == "bookings")
    @rule()
    def flip_back(self):
        with self.sides() as sides:
            self.close(sides)
            sides.to_monolith.catch_up()
            self.assert_the_same()
            self.open(sides, "monolith")

    @rule()
    def turn_round_in_the_middle(self):
        with self.sides() as sides:
            self.close(sides)
            self.open(sides, self.owner)

    @precondition(lambda self: self.owner == "monolith" and self.is_replicated)
    @rule()
    def end(self):
        with self.sides() as sides:
            assert move.end(sides) == 0
        self.is_replicated = False

    def sides(self):
        return move.both_sides(*(self.pair.url(side) for side in SIDES))

    def close(self, sides):
        connection, _ = sides.of(self.owner)
        epoch.close(connection, patience=QUICKLY)

    def open(self, sides, side):
        number = move.open_(sides, side)
        assert number > self.number
        self.owner, self.number = side, number

    def assert_the_same(self):
        lines = []
        compare(*(self.pair.url(side) for side in SIDES), lines.append)
        assert lines[-1].endswith("missing 0, extra 0, differing 0"), lines

    # What is true all the time

    @invariant()
    def nothing_is_lost_and_nothing_is_added(self):
        assert dict(self.rows(self.owner, STATES)) == self.bookings

    @invariant()
    def keys_are_kept(self):
        known = {key: booking for key, (_, _, booking) in self.keys.items()}
        assert dict(self.rows(self.owner, KEYS)) == known

    @invariant()
    def no_seat_is_sold_twice(self):
        sold = [seat for (seat,) in self.rows(self.owner, SOLD)]
        assert len(sold) == len(set(sold))
        assert {seat for (seat,) in self.rows(self.owner, FOR_EVER)} == set(sold)

    @invariant()
    def each_change_is_published_once(self):
        messages = [row for side in SIDES for row in self.rows(side, MESSAGES)]
        assert len(messages) == len(set(messages))
        assert {booking for booking, _ in messages} == self.bookings.keys()

    def teardown(self):
        for writer in self.stopped:
            writer.wake()
        for writer in self.writers.values():
            writer.dispose()


@pytest.mark.within(300)
def test_no_order_of_events_loses_or_doubles_anything(pair):
    machine = type("Flips", (Flips,), {"pair": pair})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=8,
            stateful_step_count=25,
            deadline=None,
            database=None,
            phases=[Phase.generate],  # an example takes seconds: none is made smaller
            suppress_health_check=list(HealthCheck),
        ),
    )
