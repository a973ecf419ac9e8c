"""The past bookings of the sample: the same numbers give the same rows, of seats that exist."""

import os
import subprocess
import sys
from collections import defaultdict
from datetime import UTC, datetime

from kit import sample
from kit.concerts import concert

SMALL = ["seed", "--events", "20", "--accounts", "30", "--today", "2030-01-01"]
TODAY = datetime(2030, 1, 1, tzinfo=UTC)
TABLES = {
    "bookings": "*",
    "booking_seats": "*",
    "claims": "seat_id, event_id, hold_id, until::text",  # Python has no infinite date
}


def content(rows):
    """{table: its rows}"""
    return {
        table: sorted(map(tuple, rows(f"select {columns} from {table}")))
        for table, columns in TABLES.items()
    }


def empty(change):
    change(f"truncate {', '.join(TABLES)}, idempotency_keys")


def test_loading_sample_data_twice_gives_equal_rows(command, rows, change):
    printed = command(*SMALL)
    first = content(rows)
    again = command(*SMALL)

    assert printed == f"Loaded {len(first['bookings'])} past bookings.\n"
    assert again == "The sample data is there already.\n"
    assert content(rows) == first
    empty(change)
    command(*SMALL)
    assert content(rows) == first


def test_another_seed_gives_other_rows(command, rows, change):
    command(*SMALL)
    first = content(rows)
    empty(change)

    command(*SMALL, "--seed", "2")

    assert not {row[0] for row in content(rows)["bookings"]} & {row[0] for row in first["bookings"]}


def test_two_seeds_at_once_load_the_bookings_once(environ):
    command = [sys.executable, "-m", "flask", "--app", "extracted.bookings.app", *SMALL]
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}

    both = [subprocess.Popen(command, env=os.environ | environ, **options) for _ in range(2)]

    outputs = sorted(seed.communicate(timeout=60)[0] for seed in both)
    assert outputs[0].startswith("Loaded ")
    assert outputs[1] == "The sample data is there already.\n"


def test_the_customers_are_those_of_the_sample_of_accounts(command, rows):
    command(*SMALL)

    buyers = {account_id for (account_id,) in rows("select account_id from bookings")}
    known = [sample.account_id(1, email) for email in sample.customers(30)]
    assert buyers <= set(known)
    assert known[0] in buyers


def test_the_seats_are_those_of_the_sample_of_the_catalog(command, rows):
    command(*SMALL)

    concerts = [concert(1, at, TODAY) for at in range(20)]
    prices = {seat["id"]: seat["price"] for each in concerts for seat in each.seats}
    seats = defaultdict(list)
    for booking_id, seat_id in rows("select booking_id, seat_id from booking_seats"):
        seats[booking_id].append(seat_id)
    totals = dict(map(tuple, rows("select id, total from bookings")))
    assert totals == {id: sum(prices[seat] for seat in each) for id, each in seats.items()}


def test_the_plans_of_the_sample_are_there_at_once(command, rows, client):
    command(*SMALL)

    event = concert(1, 0, TODAY)
    shown = client.get(f"/api/events/{event.id}/seats").json["items"]
    assert [seat["id"] for seat in shown] == [seat["id"] for seat in event.seats]
    assert {version for (version,) in rows("select version from events")} == {0}


def test_a_seat_of_the_sample_is_sold_once(command, rows):
    command(*SMALL)

    sold = rows("select seat_id from booking_seats")
    assert len(sold) == len(set(sold)) == len(rows("select seat_id from claims"))


def test_a_sample_booking_was_requested_before_it_was_confirmed(command, published):
    command(*SMALL)

    messages = published("bookings")

    types = defaultdict(list)
    for type, booking in messages:
        types[booking["id"]].append((type, booking["aggregate_version"]))
    paid_at = {booking.get("paid_at") for type, booking in messages if type == "booking.requested"}
    assert paid_at == {"box-office"}
    assert {tuple(each) for each in types.values()} == {
        (("booking.requested", 1), ("booking.confirmed", 2))
    }
