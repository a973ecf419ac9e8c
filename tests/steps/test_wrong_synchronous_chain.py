"""Wrong turn synchronous-chain: call one service after the other before a booking is answered.

Three components of the chain run in half of the attempts each, in every combination. A booking
needs all three, so one attempt in eight succeeds: 1/2 x 1/2 x 1/2. If the chain breaks after the
charge, nobody gives the money back. And a booking takes as long as all its calls together. Step 10
repairs it: there the request calls nobody, and messages carry the rest."""

import time
from itertools import product

import pytest

COMPONENTS = ("recommendations-web", "postgres-recommendations", "payments-sandbox")
COMBINATIONS = list(product([True, False], repeat=len(COMPONENTS)))  # the first: all of them run
SECONDS = 3
SLOW_DOWN = f"""
create function slow_down() returns trigger language plpgsql as $$
begin
  perform pg_sleep({SECONDS});
  return new;
end $$;
create trigger slow_down before insert on purchases for each row execute function slow_down()"""
SPEED_UP = "drop function if exists slow_down() cascade"


@pytest.fixture
def fan(encore):
    return encore.sign_in("fan@encore.example")


@pytest.fixture
def slow_components(encore):
    """The provider takes SECONDS for each answer, and recommendations for each purchase."""

    def execute(sql):
        with encore.system.servers["recommendations"].connect("recommendations") as connection:
            connection.execute(sql)

    execute(SLOW_DOWN)
    encore.sandbox(latency_ms=1000 * SECONDS)
    yield
    execute(SPEED_UP)


def held(fan, count):
    """The ids of holds, of one seat each."""
    event = fan.request("GET", "/api/events").json["items"][0]["id"]
    seats = fan.request("GET", f"/api/events/{event}/seats").json["items"]
    free = [seat["id"] for seat in seats if seat["status"] == "free"]
    path = f"/api/events/{event}/holds"
    return [fan.request("POST", path, json={"seats": [seat]}).json["id"] for seat in free[:count]]


def book(fan, hold):
    order = {"hold_id": hold, "payment_method": "pm_card_visa"}
    return fan.request("POST", "/api/bookings", json=order).status


def test_a_booking_is_refused_unless_every_component_runs(encore, fan):
    answers = {}
    for hold, running in zip(held(fan, len(COMBINATIONS)), COMBINATIONS, strict=True):
        for name, runs in zip(COMPONENTS, running, strict=True):
            (encore.start if runs else encore.stop)(name)
        answers[hold] = book(fan, hold)
    encore.start("payments-sandbox")

    refused = [hold for hold, status in answers.items() if status != 201]
    charged = [each for each in encore.charges() if each["metadata"]["hold_id"] in refused]
    damage = f"{len(refused)} of 8 bookings refused, and {len(charged)} of their cards charged"
    print(damage)
    assert (len(refused), len(charged)) == (7, 3), damage


def test_a_booking_takes_as_long_as_all_its_calls(fan, slow_components):
    (hold,) = held(fan, 1)
    began = time.monotonic()

    answer = book(fan, hold)

    seconds = time.monotonic() - began
    damage = f"{seconds:.1f} s for a booking, with two components that take {SECONDS} s each"
    print(damage)
    assert (answer, seconds > 2 * SECONDS) == (201, True), damage
