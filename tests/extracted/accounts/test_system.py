"""The service in the system: who has the private key, and what works without its database."""

import pytest

from tools.lab.ground.tree import HERE


@pytest.mark.parametrize("method", ["PUT", "PATCH", "OPTIONS"])
def test_a_wrong_method_is_answered_by_the_service(shared_encore, method):
    answer = shared_encore.request(method, "/api/accounts/me")

    assert (answer.status, answer.headers["X-Served-By"]) == (405, "accounts-web")


def test_only_accounts_gets_the_private_key(shared_encore):
    system = shared_encore.system

    signers = {name for name in HERE.processes() if "SESSION_KEY" in system.environment(name)}

    assert {HERE.owner_of(name) for name in signers} == {"accounts"}


def test_who_is_signed_in_can_book_while_accounts_is_away(encore):
    fan = encore.sign_in("fan@encore.example")
    event = fan.request("GET", "/api/events").json["items"][0]["id"]
    seats = fan.request("GET", f"/api/events/{event}/seats").json["items"]
    free = next(seat["id"] for seat in seats if seat["status"] == "free")

    encore.stop("postgres-accounts")

    held = fan.request("POST", f"/api/events/{event}/holds", json={"seats": [free]})
    order = {"hold_id": held.json["id"], "payment_method": "pm_card_visa"}
    assert fan.request("POST", "/api/bookings", json=order).status == 201
    assert encore.request("POST", "/api/sessions", json=CREDENTIALS).status == 503


CREDENTIALS = {"email": "fan@encore.example", "password": "fan-of-encore"}
