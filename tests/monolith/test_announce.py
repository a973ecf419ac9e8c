"""What is from before there were facts is said once, and nobody who listens here does anything about it again."""

from sqlalchemy import text

AGGREGATES = ("accounts", "ended_sessions", "events", "bookings", "payments")


def announce(app):
    done = app.test_cli_runner().invoke(args=["announce"])
    assert done.exit_code == 0, done.output
    return done.output


def as_from_before(process):
    """Make all that there is look like rows of code that says nothing."""
    with process.db.transaction() as session:
        session.execute(text("delete from outbox"))
        for table in AGGREGATES:
            session.execute(text(f"update {table} set version = 0"))


def test_everything_is_said_once_in_the_state_that_it_has(app, process, sign_up, event, buy, said, lab_services):
    ada = sign_up("unique.announced")
    kept, gone = buy(ada, event, event.seats[:1]), buy(ada, event, event.seats[1:2])
    ada.post(f"/api/bookings/{gone['id']}/cancellation")
    ada.delete("/api/sessions")
    as_from_before(process)

    output = announce(app)
    again = announce(app)

    topics = {topic: [(type, data["aggregate_version"]) for type, data in said(topic)] for topic in ("accounts", "catalog", "bookings", "payments")}
    assert (output.splitlines()[-1], again) == ("announced 8", "")
    assert sorted(topics["accounts"]) == [("account.registered", 1), ("session.ended", 1)]
    assert topics["catalog"] == [("event.scheduled", 1)]
    assert sorted(topics["bookings"]) == [("booking.cancelled", 1), ("booking.confirmed", 1)]
    assert [type for type, _ in topics["payments"]] == ["payment.authorised", "payment.authorised", "payment.refunded"]
    assert {data["id"] for type, data in said("bookings")} == {kept["id"], gone["id"]}
    assert lab_services.mails(to="unique.announced@encore.example") == []


def test_what_was_said_already_is_not_announced(app, fan, event, buy, said):
    buy(fan, event, event.seats[:1])
    before = said("bookings")

    assert announce(app) == ""
    assert said("bookings") == before


def test_the_next_fact_of_an_announced_booking_goes_on_counting(app, process, fan, event, buy, said):
    booking = buy(fan, event, event.seats[:1])
    said("bookings")
    as_from_before(process)
    announce(app)

    fan.post(f"/api/bookings/{booking['id']}/cancellation")

    assert [(type, data["aggregate_version"]) for type, data in said("bookings")][2:] == [("booking.confirmed", 1), ("booking.cancelled", 2)]
