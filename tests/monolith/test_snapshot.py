"""Rows from before the outbox are published once; no subscriber here processes them again."""

from concurrent.futures import ThreadPoolExecutor

from sqlalchemy import text

from kit.turn import turn


def snapshot(app):
    done = app.test_cli_runner().invoke(args=["snapshot"])
    assert done.exit_code == 0, done.output
    return done.output


def make_unpublished(process):
    """Make all rows look as if they were written before the outbox existed."""
    with process.db.monolith.transaction() as session:
        session.execute(text("delete from outbox"))
        session.execute(text("update events set version = 0"))


def test_a_snapshot_publishes_every_row_once(app, process, make_event, published):
    events = [make_event() for _ in range(2)]
    make_unpublished(process)

    output = snapshot(app)
    again = snapshot(app)

    messages = published("catalog")
    assert (output, again) == ("published 2\n", "")
    assert [(type, data["aggregate_version"]) for type, data in messages] == [
        ("event.scheduled", 1)
    ] * 2
    assert {data["id"] for _, data in messages} == {event.id for event in events}


def test_a_snapshot_skips_rows_that_were_published(app, event, published):
    before = published("catalog")

    assert snapshot(app) == ""
    assert published("catalog") == before


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
