"""Rows from before the outbox are published once; no subscriber here processes them again."""

from concurrent.futures import ThreadPoolExecutor

from sqlalchemy import text

from kit.turn import turn

TOPICS = ("catalog", "bookings")
AGGREGATES = ("events", "bookings")


def snapshot(app):
    done = app.test_cli_runner().invoke(args=["snapshot"])
    assert done.exit_code == 0, done.output
    return done.output


def make_unpublished(process):
    """Make all rows look as if they were written before the outbox existed."""
    with process.db.monolith.transaction() as session:
        session.execute(text("delete from outbox"))
        for table in AGGREGATES:
            session.execute(text(f"update {table} set version = 0"))


def test_a_snapshot_publishes_every_row_once(
    app, process, sign_up, event, buy, published, lab_services, catch_up
):
    ada = sign_up("unique.snapshot")
    kept, gone = buy(ada, event, event.seats[:1]), buy(ada, event, event.seats[1:2])
    ada.post(f"/api/bookings/{gone['id']}/cancellation")
    catch_up()
    make_unpublished(process)
    before = {topic: len(published(topic)) for topic in TOPICS}

    output = snapshot(app)
    again = snapshot(app)

    topics = {
        topic: [(type, data["aggregate_version"]) for type, data in published(topic)[count:]]
        for topic, count in before.items()
    }
    assert (output.splitlines()[-1], again) == ("published 3", "")
    assert topics["catalog"] == [("event.scheduled", 1)]
    assert sorted(topics["bookings"]) == [("booking.cancelled", 1), ("booking.confirmed", 1)]
    assert {data["id"] for type, data in published("bookings")} == {kept["id"], gone["id"]}
    assert lab_services.mails(to="unique.snapshot@encore.example") == []


def test_a_snapshot_skips_rows_that_were_published(app, fan, event, buy, published):
    buy(fan, event, event.seats[:1])
    before = published("bookings")

    assert snapshot(app) == ""
    assert published("bookings") == before


def test_versions_continue_after_a_snapshot(app, process, fan, event, buy, published):
    booking = buy(fan, event, event.seats[:1])
    published("bookings")
    make_unpublished(process)
    snapshot(app)

    fan.post(f"/api/bookings/{booking['id']}/cancellation")

    assert [(type, data["aggregate_version"]) for type, data in published("bookings")][2:] == [
        ("booking.confirmed", 1),
        ("booking.cancelled", 2),
    ]


def make_versions_negative(process):
    """Make the bookings look as if step 05 had had them meanwhile."""
    with process.db.monolith.transaction() as session:
        session.execute(text("update bookings set version = -version"))


def test_versions_continue_after_a_way_back(app, process, fan, event, buy, published):
    buy(fan, event, event.seats[:1])
    before = published("bookings")
    make_versions_negative(process)

    snapshot(app)

    (again,) = published("bookings")[len(before) :]
    assert again[0] == "booking.confirmed"
    assert again[1]["aggregate_version"] == before[-1][1]["aggregate_version"] + 1
    assert snapshot(app) == ""


ASKED_FOR_A_TURN = text(
    "select count(*) from pg_stat_activity where datname = current_database() "
    "and query like '%try_advisory%' and pid <> pg_backend_pid()"
)


def test_a_snapshot_waits_for_another_command_of_a_release(app, process, event, eventually):
    make_unpublished(process)
    reading = process.db.monolith.reading
    with ThreadPoolExecutor() as pool, reading() as watching, reading() as other, turn(other):
        waiting = pool.submit(snapshot, app)

        eventually(lambda: watching.scalar(ASKED_FOR_A_TURN) == 2)
    assert waiting.result() == "published 1\n"
