import os
import subprocess
import sys

import pytest

from kit import sample

TABLES = (
    "venues",
    "sections",
    "events",
    "seats",
    "bookings",
    "booking_seats",
    "claims",
)
COLUMNS = {"claims": "seat_id, event_id, hold_id, until::text"}  # Python has no infinite date
SMALL = [
    "seed",
    "--events",
    "20",
    "--accounts",
    "30",
    "--today",
    "2030-01-01",
]


@pytest.fixture
def content(process):
    """A function: every row of the sample tables."""

    def content():
        with process.db.monolith.reading() as session:
            connection = session.connection()
            return {
                table: sorted(
                    map(
                        tuple,
                        connection.exec_driver_sql(
                            f"select {COLUMNS.get(table, '*')} from {table}"
                        ),
                    )
                )
                for table in TABLES
            }

    return content


def seed(app, *more):
    ended = app.test_cli_runner().invoke(args=[*SMALL, *more])
    assert ended.exit_code == 0, ended.output
    return ended.output


def test_loading_sample_data_twice_gives_equal_rows(app, content, process):
    assert (
        seed(app) == "Loaded 12 venues, 20 events "
        f"and {len(content()['bookings'])} past bookings.\n"
    )
    first = content()
    assert seed(app) == "The sample data is there already.\n"
    assert content() == first

    with process.db.monolith.transaction() as session:
        session.connection().exec_driver_sql(f"truncate {', '.join(TABLES)} cascade")
    seed(app)

    assert content() == first


def test_two_seeds_at_once_load_the_sample_once(environ):
    command = [sys.executable, "-m", "flask", "--app", "monolith.app", *SMALL]
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}

    both = [subprocess.Popen(command, env=os.environ | environ, **options) for _ in range(2)]

    outputs = sorted(seed.communicate(timeout=60)[0] for seed in both)
    assert outputs[0].startswith("Loaded 12 venues")
    assert outputs[1] == "The sample data is there already.\n"


def test_another_seed_gives_other_rows(app, content, process):
    seed(app)
    first = content()
    with process.db.monolith.transaction() as session:
        session.connection().exec_driver_sql(f"truncate {', '.join(TABLES)} cascade")

    seed(app, "--seed", "2")

    assert [row[1:] for row in content()["events"]] != [row[1:] for row in first["events"]]


def test_the_customers_are_those_of_the_sample_of_accounts(app, content):
    seed(app)

    buyers = {booking[1] for booking in content()["bookings"]}
    known = [sample.account_id(1, email) for email in sample.customers(30)]
    assert buyers <= set(known)
    assert known[0] in buyers


def test_sample_events_have_100_to_1000_seats_sold_once(app, content):
    seed(app)
    rows = content()
    per_event = {}
    for seat in rows["seats"]:
        per_event[seat[1]] = per_event.get(seat[1], 0) + 1

    assert all(100 <= seats <= 1000 for seats in per_event.values())
    assert (
        len({seat for _, seat, *_ in rows["booking_seats"]})
        == len(rows["booking_seats"])
        == len(rows["claims"])
    )


def test_a_sample_booking_was_requested_before_it_was_confirmed(app, published):
    seed(app)

    messages = published("bookings")

    types = {}
    for type, booking in messages:
        types.setdefault(booking["id"], []).append((type, booking["aggregate_version"]))
    paid_at = {booking.get("paid_at") for type, booking in messages if type == "booking.requested"}
    assert paid_at == {"box-office"}
    assert {tuple(each) for each in types.values()} == {
        (("booking.requested", 1), ("booking.confirmed", 2))
    }
