"""Bookings move from one server to another and back while others write, whenever a command is
killed; nothing is lost, and nothing is left behind."""

import signal
import threading
import time
import tomllib
from collections import Counter
from dataclasses import replace
from datetime import timedelta

import psycopg
import pytest
from click.testing import CliRunner
from sqlalchemy.exc import OperationalError

from extracted.bookings import move
from extracted.bookings.refusals import HoldExpired, SeatTaken
from extracted.bookings.verify import compare
from kit import epoch
from kit.refusals import OutcomeUnknown
from tests.extracted.bookings.flip.sides import HOLD_FOR, PENDING_FOR, SIDES
from tools.lab.ground.tree import HERE

LEFT = """
select 'slot ' || slot_name from pg_replication_slots
union all select 'publication ' || pubname from pg_publication
union all select 'subscription ' || subname from pg_subscription"""
THERE = ("close bookings", "begin", "close monolith", "catch-up bookings", "verify")
TURNED = ("close bookings", "begin", "turn", *THERE[2:], "open bookings")
BACK = ("close bookings", "catch-up monolith", "verify", "open monolith")
MANY = """
insert into holds (id, account_id, event_id, seats, total, currency, expires_at, used)
select 'm' || n, 'ada', 'event', array['s' || n], 4500, 'EUR', now(), false
from generate_series(1, {}) n"""
STATUSES = "select id, status from bookings order by id"
# what would be true if a row went round in circles, or could not be written
TROUBLE = "select sum(apply_error_count) from pg_stat_subscription_stats"


class Killed(BaseException):
    """What kill -9 does to a command: nothing after it is carried out."""


class Dying:
    """A connection whose process is killed before the statement of a number, counted by
    `executed`, over all connections."""

    def __init__(self, connection, executed, at):
        self.connection = connection
        self.executed = executed
        self.at = at

    def execute(self, *words):
        if len(self.executed) == self.at:
            raise Killed
        self.executed.append(words[0])
        return self.connection.execute(*words)

    def transaction(self):
        return self.connection.transaction()


def commands_of(way):
    """The commands of the road that work on both databases, in the order of a way."""
    path = HERE.path / "migrations" / "roads" / "13-bookings.toml"
    stages = [each for each in tomllib.loads(path.read_text())["stage"] if "other" in each]
    if way == "back":
        found = [
            each["command"] if each["undo"] == "gate" else each["undo"] for each in reversed(stages)
        ]
    else:
        found = [each["command"] for each in stages if each["kind"] != "complete"]
    return [
        each.removeprefix("python -m extracted.bookings.").removeprefix("move ")
        for each in found
        if each != "nothing"
    ]


@pytest.fixture
def walk(pair, environment):
    """A function: carry out commands of the road; what they print."""

    def walk(*commands):
        lines = []
        for command in commands:
            if command == "verify":
                is_same = compare(*(pair.url(side) for side in SIDES), lines.append)
                assert is_same, lines
                continue
            ended = CliRunner().invoke(move.main, command.split(), env=environment())
            assert ended.exit_code == 0, (command, ended.output, ended.exception)
            lines += ended.output.splitlines()
        return lines

    return walk


@pytest.fixture
def refused(environment):
    """A function: run a command that fails; its line on standard error."""

    def refused(command):
        ended = CliRunner().invoke(move.main, command.split(), env=environment())
        assert ended.exit_code == 1, ended.output
        return ended.output.strip()

    return refused


@pytest.fixture
def left(pair):
    """A function: the names of what replication has made and not dropped, on both sides."""

    def left():
        names = []
        for side in SIDES:
            with pair.connect(side) as connection:
                names += [name for (name,) in connection.execute(LEFT)]
        return names

    return left


@pytest.fixture
def killed(pair):
    """A function: call one of the functions of the move, killed before each of its statements in
    turn; after each death, then() is called. It returns how many deaths there were."""

    def killed(function, then=lambda: None):
        at = 0
        while True:
            executed = []
            try:
                with move.both_sides(*(pair.url(side) for side in SIDES)) as sides:
                    function(dying(sides, executed, at))
            except Killed:
                then()
                at += 1
            else:
                return at

    return killed


def dying(sides, executed, at):
    monolith, bookings = (Dying(each, executed, at) for each in (sides.monolith, sides.bookings))
    return move.Sides(
        monolith,
        bookings,
        replace(sides.to_bookings, publisher=monolith, subscriber=bookings),
        replace(sides.to_monolith, publisher=bookings, subscriber=monolith),
    )


@pytest.fixture
def booked(writers):
    """Bookings and holds in each state, on the monolith's side: {name: id}"""
    writer = writers["monolith"]
    made = {status: writer.buy(f"{status} 1", f"{status} 2") for status in ("paid", "refused")}
    for status, booking in made.items():
        writer.settle(booking, status)
    made["cancelled"] = writer.buy("cancelled")
    writer.settle(made["cancelled"], "paid")
    writer.cancel(made["cancelled"])
    made["pending"] = writer.buy("pending", key="key")
    made["hold"] = writer.hold("held")
    return made


class Customers:
    """Customers who hold, book and repeat themselves at whichever side accepts it."""

    def __init__(self, writers):
        self.writers = writers
        self.booked = {}  # {key: (the booking, its seat)} of those that were acknowledged
        self.refused = Counter()  # {what a customer was told: how often}

    def come(self, number, turn):
        """One customer books a seat, with a key; a refused request is tried again."""
        seat, key = f"seat {number} {turn}", f"key {number} {turn}"
        hold = self.try_again(lambda writer: self.hold(writer, seat))
        try:
            booking = self.try_again(lambda writer: writer.book(hold, seat, key=key))
        except HoldExpired:  # it was not acknowledged before, so it is not there
            return
        self.booked[key] = booking, seat
        repeated = self.try_again(lambda writer: writer.book(hold, seat, key=key))
        assert repeated == booking

    def hold(self, writer, seat):
        try:
            return writer.hold(seat)
        except SeatTaken:  # an answer was lost: it is the customer's own
            with writer.database.reading() as session:
                return (
                    session.connection()
                    .exec_driver_sql("select hold_id from claims where seat_id = %s", (seat,))
                    .scalar()
                )

    def try_again(self, request):
        """The answer to a request: while no side is open it waits, and a refused one is sent
        again, wherever that is."""
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            for writer in filter(is_open, self.writers.values()):
                try:
                    return request(writer)
                except (OperationalError, OutcomeUnknown) as error:
                    self.refused[type(error).__name__] += 1
            time.sleep(0.005)
        raise AssertionError("no side has answered within 60 s")


def is_open(writer):
    with writer.database.reading() as session:
        return epoch.is_open(session)


# There and back


def test_bookings_in_each_state_move(writers, booked, walk, rows):
    walk(*TURNED)

    bookings = writers["bookings"]
    assert rows("bookings", STATUSES) == rows("monolith", STATUSES)
    assert bookings.overdue() == []
    bookings.settle(booked["pending"], "paid")
    bookings.settle(booked["cancelled"], "refunded")
    assert dict(rows("bookings", STATUSES)) == {
        booked["paid"]: "confirmed",
        booked["refused"]: "declined",
        booked["cancelled"]: "cancelled",
        booked["pending"]: "confirmed",
    }


def test_seats_that_were_taken_before_are_taken_afterwards(writers, booked, walk):
    walk(*TURNED)

    for seat in ("paid 1", "pending", "held"):
        with pytest.raises(SeatTaken):
            writers["bookings"].hold(seat)
    assert writers["bookings"].hold("refused 1", "cancelled")


def test_a_hold_from_before_is_booked_afterwards(writers, booked, walk):
    walk(*TURNED)

    assert writers["bookings"].book(booked["hold"], "held")


def test_a_hold_that_expires_during_the_flip_is_free_afterwards(writers, booked, walk, clock):
    walk(*THERE)
    clock.ahead = HOLD_FOR + timedelta(seconds=1)
    walk("turn", "open bookings")

    with pytest.raises(HoldExpired):
        writers["bookings"].book(booked["hold"], "held")
    assert writers["bookings"].hold("held")


def test_a_key_that_was_sent_before_is_honoured_on_both_sides(writers, booked, rows, walk):
    def repeat(side):
        hold = dict(rows(side, "select id, hold_id from bookings"))[booked["pending"]]
        return writers[side].book(hold, "pending", key="key")

    walk(*TURNED)
    assert repeat("bookings") == booked["pending"]

    walk(*BACK)
    assert repeat("monolith") == booked["pending"]


def test_the_timer_of_a_pending_booking_goes_along(writers, booked, walk, clock, rows):
    walk(*TURNED)
    clock.ahead = PENDING_FOR + timedelta(seconds=1)

    for booking in writers["bookings"].overdue():
        writers["bookings"].settle(booking, "overdue")

    assert dict(rows("bookings", STATUSES))[booked["pending"]] == "declined"


def test_holds_that_are_forgotten_are_forgotten_on_both_sides(writers, booked, walk, clock, rows):
    clock.ahead = HOLD_FOR + timedelta(hours=2)
    walk(*TURNED)

    writers["bookings"].forget()
    walk("close bookings", "catch-up monolith", "verify")

    for side in SIDES:
        assert rows(side, "select id from holds where id = %s", booked["hold"]) == []
        assert rows(side, "select seat_id from claims where hold_id is not null") == []


def test_unsent_messages_stay_where_they_were_recorded(writers, booked, walk, rows):
    before = rows("monolith", "select message_id from outbox order by id")

    walk(*TURNED)
    writers["bookings"].settle(booked["pending"], "paid")

    assert rows("monolith", "select message_id from outbox order by id") == before
    assert rows("bookings", "select type from outbox") == [("booking.confirmed",)]


def test_customers_notice_nothing_while_bookings_go_there_back_and_there_again(
    writers, booked, walk, meanwhile, rows, eventually, left
):
    customers = Customers(writers)

    with meanwhile(customers.come, 4):
        for way in ("there", "back", "there"):
            walk(*commands_of(way))
            moved = len(customers.booked)
            eventually(lambda: len(customers.booked) > moved + 10, within=60)  # noqa: B023

    walk("close bookings", "catch-up monolith", "verify")
    for side in SIDES:
        known = dict(rows(side, "select key, booking_id from idempotency_keys"))
        del known["key"]
        assert (
            known.items()
            >= {key: booking for key, (booking, _) in customers.booked.items()}.items()
        )
        sold = rows(
            side,
            "select seat_id from booking_seats join bookings on id = booking_id "
            "where status in ('pending', 'confirmed')",
        )
        assert len(sold) == len(set(sold))
    assert walk("open monolith", "end")[-1] == "replication slots left: 0"
    assert left() == []


def test_a_storm_of_repeats_books_once(writers, booked, walk, rows, meanwhile):
    customers = Customers(writers)
    answers = Counter()

    def repeat(number, turn):
        request = {"key": "storm"}
        answers[
            customers.try_again(lambda writer: writer.book(booked["hold"], "held", **request))
        ] += 1

    walk("close bookings", "begin")
    with meanwhile(repeat, 6):
        walk(*commands_of("there")[2:])

    (booking,) = answers
    for side in SIDES:
        held = rows(side, "select id from bookings where hold_id = %s", booked["hold"])
        assert held == [(booking,)]


def test_a_transaction_that_is_open_across_the_flip_is_not_lost(writers, booked, walk, rows):
    walk("close bookings", "begin")
    opened, commit = threading.Event(), threading.Event()

    def hold():
        with writers["monolith"].database.transaction() as session:
            writers["monolith"].hold_in(session, "late")
            opened.set()
            commit.wait(30)

    holding = threading.Thread(target=hold)
    holding.start()
    opened.wait(30)
    threading.Timer(0.6, commit.set).start()

    walk("close monolith", "catch-up bookings", "verify")
    holding.join(30)

    assert rows("bookings", "select seats from holds where seats = '{late}'") == [(["late"],)]


def test_a_row_is_not_sent_round_in_circles(writers, booked, walk, rows):
    walk(*TURNED)
    writers["bookings"].hold("there")
    walk(*BACK)
    writers["monolith"].hold("here")

    walk("close monolith", "catch-up bookings", "verify")

    assert [rows(side, TROUBLE) for side in SIDES] == [[(0,)], [(0,)]]


def test_a_move_turns_round_before_the_other_direction_exists(writers, booked, walk, left):
    walk(*THERE)

    lines = walk("catch-up monolith", "open monolith", "end")
    writers["monolith"].hold("seat")

    assert lines[0] == "monolith follows nobody"
    walk(*TURNED, *BACK, "end")
    assert left() == []


# Interruptions


def test_each_command_may_be_run_twice(booked, walk, rows):
    for command in (*TURNED, *BACK):
        walk(command, command)

    assert rows("bookings", STATUSES) == rows("monolith", STATUSES)


def test_a_begin_that_was_killed_anywhere_can_be_run_again_or_ended(booked, walk, killed, left):
    walk("close bookings")
    deaths = []

    def then():
        deaths.append(1)
        if len(deaths) % 2:
            walk("end")
            assert left() == []

    killed(move.begin, then)

    walk("close monolith", "catch-up bookings", "verify", "open monolith", "end")
    assert len(deaths) > 10
    assert left() == []


def test_a_begin_that_is_killed_during_the_copy_leaves_nothing(
    pair, started, walk, left, booked, eventually
):
    with pair.connect("monolith") as connection:
        connection.execute(MANY.format(30_000))
    walk("close bookings")
    begun = started("begin")
    eventually(lambda: len(left()) > 2, within=60)

    begun.kill()
    begun.wait()

    walk("end")
    assert left() == []
    walk("begin", "close monolith", "catch-up bookings", "verify")


def test_a_begin_that_is_killed_while_it_waits_for_a_writer_leaves_nothing(
    started, walk, left, booked, transaction, eventually
):
    walk("close bookings")
    writer = transaction("monolith")
    writer.execute(MANY.format(1))
    begun = started("begin")
    eventually(lambda: "slot bookings_there" in left(), within=60)

    begun.kill()
    begun.wait()
    walk("end")
    assert left() == []
    writer.commit()

    walk("begin", "close monolith", "catch-up bookings", "verify")


@pytest.mark.parametrize("side", SIDES)
def test_a_close_that_was_killed_anywhere_can_be_run_again(booked, walk, killed, rows, side):
    if side == "bookings":
        walk(*TURNED)
    (before,) = rows(side, epoch.READ)

    killed(lambda sides: move.close(sides, side))

    assert rows(side, epoch.READ) == [(before[0] + 1, False)]


def test_a_close_that_is_killed_while_it_waits_does_not_stop_the_writers(
    started, transaction, writers, eventually, rows
):
    stopped = transaction("monolith")
    stopped.execute(MANY.format(1))
    closing = started("close", "monolith")
    waiting = "select from pg_locks where locktype = 'advisory' and objid = 1 and not granted"
    eventually(lambda: rows("monolith", waiting), within=60)

    closing.send_signal(signal.SIGKILL)
    closing.wait()

    assert writers["monolith"].hold("seat")
    assert rows("monolith", epoch.READ) == [(1, True)]


def test_a_turn_that_was_killed_anywhere_can_be_run_again(writers, booked, walk, killed, rows):
    walk(*THERE)

    killed(move.turn)
    walk("open bookings")
    writers["bookings"].settle(booked["pending"], "paid")

    walk(*BACK)
    assert dict(rows("monolith", STATUSES))[booked["pending"]] == "confirmed"


def test_an_open_that_was_killed_anywhere_can_be_run_again(writers, booked, walk, killed):
    walk(*THERE, "turn")

    killed(lambda sides: move.open_(sides, "bookings"))

    assert writers["bookings"].hold("seat")


def test_an_end_that_was_killed_anywhere_can_be_run_again(booked, walk, killed, left):
    walk(*TURNED, *BACK)

    deaths = killed(move.end)

    assert deaths > 5
    assert left() == []


@pytest.mark.parametrize("side", SIDES)
def test_a_server_that_has_another_port_is_found_again(pair, booked, walk, side):
    walk(*TURNED)
    pair.stop(side)
    pair.start(side)
    with pair.connect("bookings") as connection:
        connection.execute(MANY.format(1))

    walk(*BACK)
    with pair.connect("monolith") as connection:
        connection.execute("delete from holds where id = 'm1'")
    walk("close monolith", "catch-up bookings", "verify", "open monolith")

    assert walk("end") == ["replication slots left: 0"]


# The end, and what is refused


def test_completing_leaves_the_rows_at_the_service_only(writers, booked, walk, killed, left, rows):
    walk(*TURNED)

    killed(move.complete)

    assert left() == []
    assert len(rows("bookings", STATUSES)) == 4
    for table in move.TABLES:
        assert rows("monolith", f"select * from {table}") == []


def test_the_old_side_stays_closed_for_good(writers, booked, walk):
    walk(*TURNED, "complete")

    with pytest.raises(OperationalError, match="bookings are written elsewhere"):
        writers["monolith"].hold("seat")
    assert writers["bookings"].hold("seat")


def test_completing_forgets_the_inbox_rows_of_bookings_alone(pair, booked, walk, rows):
    with pair.connect("monolith") as connection:
        connection.execute(
            "insert into inbox (consumer, message_id) values ('bookings', 'm1'), ('catalog', 'm2')"
        )
    walk(*TURNED, "complete")

    assert rows("monolith", "select consumer from inbox") == [("catalog",)]


def test_the_rows_of_a_side_that_writes_are_not_deleted(writers, booked, walk, refused, rows):
    assert refused("complete").startswith("encore: bookings does not have the newest rows")
    walk(*TURNED)

    assert refused("begin").startswith("encore: the monolith does not have the newest rows")
    assert refused("end").startswith("encore: bookings writes")
    assert refused("turn").startswith("encore: bookings writes")
    walk("close bookings")
    assert refused("begin").startswith("encore: the monolith does not have the newest rows")
    assert refused("complete").startswith("encore: bookings does not have the newest rows")

    assert len(rows("bookings", STATUSES)) == 4


def test_both_sides_are_never_open(booked, walk, refused, rows):
    walk("close bookings")

    assert refused("open bookings") == "encore: the other side is open: both would write"
    walk(*TURNED)
    assert refused("open monolith") == "encore: the other side is open: both would write"

    assert [rows(side, epoch.READ)[0][1] for side in SIDES] == [False, True]


def test_a_writer_that_was_stopped_is_ended_and_the_move_goes_on(booked, walk, transaction, rows):
    walk("close bookings", "begin")
    stopped = transaction("monolith")
    stopped.execute(MANY.format(1))

    walk("close monolith", "catch-up bookings", "verify", "turn", "open bookings")

    with pytest.raises(psycopg.OperationalError, match="terminating connection"):
        stopped.execute("select 1")
    for side in SIDES:
        assert rows(side, "select id from holds where id = 'm1'") == []


def test_what_cannot_be_reached_is_one_line_without_a_password(pair, walk, refused):
    walk(*TURNED[:2])
    password = pair.servers["monolith"].password_of("monolith")
    pair.stop("monolith")

    lines = [refused(command) for command in ("begin", "catch-up bookings", "end")]

    assert all(line.startswith("encore: connection") for line in lines)
    assert all(len(line.splitlines()) == 1 for line in lines)
    assert password not in "".join(lines) + pair.log.read_text()


@pytest.mark.parametrize("words", [["verify"], ["move", "begin"]])
def test_a_missing_setting_is_one_line(run, words):
    code, _, errors = run(*words, MONOLITH_DATABASE_URL="")

    assert (code, errors) == (2, "encore: MONOLITH_DATABASE_URL is not set (see docs/settings.md)")
