"""What the service answers over HTTP: the order of refusals, its access, the plan of the seats."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from functools import partial

import pytest
from sqlalchemy import event as events
from sqlalchemy.engine import Engine

from extracted.bookings.app import create_app
from extracted.bookings.arrival import Arrivals
from extracted.bookings.config import for_web

# With the query whether this side is open, and whether the session has ended, where there is one.
READS = {
    "/api/events/{event}/seats": 3,
    "/api/bookings": 4,
    "/api/bookings/{booking}": 4,
}


def refusal(answer):
    assert answer.content_type == "application/problem+json"
    return answer.status_code, answer.json["type"]


def test_not_found_comes_before_wrong_fields(fan):
    assert refusal(fan.post("/api/events/unknown/holds", json={"colour": 1})) == (404, "not-found")
    order = {"hold_id": "unknown", "payment_method": 7}
    assert refusal(fan.post("/api/bookings", json=order)) == (404, "not-found")
    assert refusal(fan.post("/api/bookings", json=order | {"hold_id": 7})) == (422, "invalid")
    cancelled = fan.post("/api/bookings/unknown/cancellation", json={"colour": 1})
    assert refusal(cancelled) == (404, "not-found")


def test_a_cancellation_takes_no_fields(fan, event, buy):
    booking = buy(fan, event, event.seats[:1])

    cancelled = fan.post(f"/api/bookings/{booking['id']}/cancellation", json={"colour": 1})

    assert refusal(cancelled) == (422, "invalid")


def test_only_the_seats_are_shown_to_strangers(client, event):
    paths = [f"/api/events/{event.id}/holds", "/api/bookings", "/api/bookings/b/cancellation"]

    assert client.get(f"/api/events/{event.id}/seats").status_code == 200
    assert {refusal(client.post(path, json={})) for path in paths} == {(401, "not-signed-in")}
    assert refusal(client.get("/api/bookings")) == (401, "not-signed-in")


@pytest.mark.parametrize("path", ["/api/bookings", "/api/events/e/holds"])
def test_a_request_from_another_site_is_refused(fan, path):
    foreign = {"Origin": "https://elsewhere.example"}

    assert refusal(fan.post(path, json={}, headers=foreign)) == (403, "foreign-origin")


@pytest.mark.parametrize("method", ["PUT", "PATCH", "OPTIONS", "DELETE"])
def test_a_wrong_method_is_answered_with_allowed_methods(client, method):
    answer = client.open("/api/bookings", method=method)

    assert refusal(answer) == (405, "method-not-allowed")
    assert set(answer.headers["Allow"].split(", ")) == {"GET", "HEAD", "POST"}


def test_every_route_declares_its_access(app):
    rules = [rule for rule in app.url_map.iter_rules() if rule.rule.startswith("/api/")]

    views = {rule.rule: app.view_functions[rule.endpoint] for rule in rules}
    assert [path for path, view in views.items() if not hasattr(view, "needs_caller")] == []


def test_a_process_without_its_database_is_not_ready(environ):
    nowhere = {**environ, "DATABASE_URL": "postgresql://a:b@127.0.0.1:1/c"}
    client = create_app(for_web(nowhere)).test_client()

    assert client.get("/health/live").status_code == 200
    assert refusal(client.get("/health/ready")) == (503, "unavailable")
    assert client.get("/api/events/e/seats").headers["Retry-After"]


# The plan of the seats


def test_seats_come_in_the_order_of_the_plan(client, make_event):
    event = make_event(sections=(("Stalls", 2, 2, 4500), ("Balcony", 1, 1, 2500)))

    seats = client.get(f"/api/events/{event.id}/seats").json["items"]

    assert [
        (seat["section"], seat["row"], seat["number"], seat["price"], seat["status"])
        for seat in seats
    ] == [
        ("Stalls", "A", 1, 4500, "free"),
        ("Stalls", "A", 2, 4500, "free"),
        ("Stalls", "B", 1, 4500, "free"),
        ("Stalls", "B", 2, 4500, "free"),
        ("Balcony", "A", 1, 2500, "free"),
    ]


def test_a_hold_costs_what_the_copy_says(fan, make_event):
    event = make_event(sections=(("Stalls", 1, 1, 4500), ("Balcony", 1, 1, 2500)), currency="SEK")

    held = fan.post(f"/api/events/{event.id}/holds", json={"seats": event.seats}).json

    assert (held["total"], held["currency"]) == (7000, "SEK")


# An event that is on its way


def test_a_request_for_seats_waits_for_a_new_event(client, schedule, consumers, process):
    process.arrivals.within = 30.0
    event = schedule()
    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(client.get, f"/api/events/{event.id}/seats")
        consumers["bookings-catalog"].step()

        answer = waiting.result(timeout=30)

    assert [seat["id"] for seat in answer.json["items"]] == event.seats


def test_an_event_that_does_not_come_is_not_found(client):
    assert refusal(client.get("/api/events/unknown/seats")) == (404, "not-found")


def test_only_some_requests_wait_at_the_same_time():
    arrivals = Arrivals(at_once=1, within=1000.0)
    others = []

    def find():
        if not others:
            others.append("none waits yet")
            return None
        others.append(arrivals.wait_for(lambda: None))
        return "found"

    assert arrivals.wait_for(find) == "found"
    assert others == ["none waits yet", None]
    assert arrivals.wait_for(lambda: "here") == "here"


def test_a_hold_whose_plan_is_missing_is_not_booked(fan, event, rows, change, consumers):
    held = fan.post(f"/api/events/{event.id}/holds", json={"seats": event.seats[:2]}).json
    change("delete from seats")
    order = {"hold_id": held["id"], "payment_method": "pm_card_visa"}

    refused = fan.post("/api/bookings", json=order)

    assert (refusal(refused), refused.headers["Retry-After"]) == ((503, "unavailable"), "5")
    assert rows("select id from bookings") == []


# Statements


@contextmanager
def counting():
    counted = []

    def count_statement(connection, cursor, statement, *more):
        counted.append(statement)

    events.listen(Engine, "before_cursor_execute", count_statement)
    try:
        yield counted
    finally:
        events.remove(Engine, "before_cursor_execute", count_statement)


def statements(client, path):
    with counting() as counted:
        assert client.get(path).status_code == 200
    return counted


@pytest.mark.parametrize("path", READS)
def test_reading_many_rows_needs_no_more_statements(fan, sign_up, make_event, buy, path):
    event = make_event()
    booking = buy(fan, event, event.seats[:1])
    asked = path.format(event=event.id, booking=booking["id"])
    few = statements(fan, asked)

    for seat in range(1, 5):
        more = make_event()
        buy(sign_up(f"visitor{seat}"), more, more.seats[:2])
        buy(fan, event, event.seats[seat : seat + 1])

    assert len(statements(fan, asked)) == len(few) == READS[path], few


def test_buying_many_seats_needs_no_more_statements(fan, event, buy, catch_up):
    catch_up()
    with counting() as one:
        buy(fan, event, event.seats[:1])
    with counting() as many:
        buy(fan, event, event.seats[1:9])

    assert len(one) == len(many)


# Settings


def test_a_hold_lasts_as_long_as_its_setting_says(fan, event, process):
    process.settings.hold_seconds = 30
    now = process.clock()
    hold = partial(fan.post, f"/api/events/{event.id}/holds", json={"seats": event.seats[:1]})
    process.clock = lambda: now

    first = hold().status_code
    process.clock = lambda: now + timedelta(seconds=29)
    second = hold().status_code
    process.clock = lambda: now + timedelta(seconds=31)

    assert (first, second, hold().status_code) == (201, 409, 201)
