import os
import subprocess
import sys
from collections import Counter

import pytest
from sqlalchemy import select, text

from monolith.catalog import store
from monolith.catalog.model import Event
from monolith.catalog.service import plan

TABLES = (
    "venues",
    "sections",
    "events",
    "seats",
)
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
                table: sorted(map(tuple, connection.exec_driver_sql(f"select * from {table}")))
                for table in TABLES
            }

    return content


def seed(app, *more):
    ended = app.test_cli_runner().invoke(args=[*SMALL, *more])
    assert ended.exit_code == 0, ended.output
    return ended.output


def test_loading_sample_data_twice_gives_equal_rows(app, content, process):
    assert seed(app) == "Loaded 12 venues and 20 events.\n"
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


def test_sample_events_have_100_to_1000_seats(app, content):
    seed(app)

    per_event = Counter(seat[1] for seat in content()["seats"])
    assert len(per_event) == 20
    assert all(100 <= seats <= 1000 for seats in per_event.values())


def test_the_seats_of_the_sample_are_those_of_the_plan(app, process):
    """kit/concerts.py decides them without the sections; an organiser's event has these."""
    seed(app)

    with process.db.monolith.reading() as session:
        for event in session.scalars(select(Event)):
            (stored,) = store.seats_of(session, [event.id]).values()
            ids = iter(seat["id"] for seat in stored)
            prices = {seat["section"]: seat["price"] for seat in stored}
            planned = plan(event.venue.sections, event.id, prices, new_id=ids.__next__)
            assert [dict(seat) for seat in stored] == planned


def test_in_a_new_shop_nobody_writes_bookings_here(app, process):
    with process.db.monolith.transaction() as session:
        session.execute(text("delete from epoch"))
        session.execute(text("insert into epoch (number, is_open) values (1, true)"))

    seed(app)

    with process.db.monolith.reading() as session:
        assert session.execute(text("select number, is_open from epoch")).one() == (2, False)


def test_each_event_is_published_once(app, content, published):
    seed(app)

    messages = published("catalog")

    assert {type for type, _ in messages} == {"event.scheduled"}
    assert sorted(data["id"] for _, data in messages) == [row[0] for row in content()["events"]]
