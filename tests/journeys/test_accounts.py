"""Accounts: registering, signing in and out, and being told who one is."""

import secrets
from functools import partial

import pytest


@pytest.fixture
def new():
    """What registers an account that is not there yet."""
    return {"email": f"{secrets.token_hex(8)}@Encore.Example", "password": "correct horse", "name": "Ada"}


def test_a_new_account_is_answered_as_it_was_kept_without_its_password(visitor, new):
    made = visitor.post("/api/accounts", {**new, "name": "  Ada Lovelace "})

    assert made.status == 201
    assert made.json.keys() == {"id", "email", "name"}
    assert (made.json["email"], made.json["name"]) == (new["email"], "Ada Lovelace")
    assert made.json["id"]


def test_a_new_account_is_welcomed_by_mail(visitor, new, mails, eventually):
    visitor.post("/api/accounts", new)

    greeted = eventually("mail", lambda: mails(new["email"]))

    assert "Welcome" in greeted[0]["subject"]
    assert new["name"] in greeted[0]["text"]


def test_an_address_is_taken_whatever_its_case(visitor, new):
    visitor.post("/api/accounts", new)

    again = visitor.post("/api/accounts", {**new, "email": new["email"].upper(), "name": "Another"})

    assert again.refusal == (409, "email-taken")


def test_names_and_passwords_may_be_as_long_as_the_contract_says(visitor, new):
    local = new["email"].split("@")[0]
    longest = {"email": f"{local}@{'a' * 63}.{'b' * 63}.{'c' * 63}.{'d' * (254 - len(local) - 193)}", "password": "ü" * 128, "name": "🎺" * 200}

    assert visitor.post("/api/accounts", longest).status == 201
    assert visitor.sign_in(longest["email"], longest["password"]).json["name"] == longest["name"]
    assert visitor.post("/api/accounts", {"email": new["email"], "password": "8 chars.", "name": "A"}).status == 201


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("email", ""),
        ("email", "no address"),
        ("email", "two@at@encore.example"),
        ("email", f"{'a' * 240}@encore.example"),
        ("email", 7),
        ("password", "7 chars"),
        ("password", "x" * 129),
        ("password", None),
        ("password", "nul \0 inside"),
        ("name", ""),
        ("name", "   "),
        ("name", "x" * 201),
        ("name", ["Ada"]),
        ("name", "lone \ud800 surrogate"),
        ("role", "organiser"),
    ],
)
def test_a_wrong_field_of_a_new_account_is_named(visitor, new, field, value):
    assert visitor.post("/api/accounts", {**new, field: value}).wrong == {field}


def test_all_wrong_fields_of_a_new_account_are_named_at_once(visitor):
    assert visitor.post("/api/accounts", {"email": "no address", "password": "short", "colour": 1}).wrong == {"email", "password", "name", "colour"}
    assert visitor.post("/api/accounts", {}).wrong == {"email", "password", "name"}


def test_whoever_signs_in_is_told_who_they_are(visitor, new):
    account = visitor.post("/api/accounts", new).json

    signed_in = visitor.sign_in(new["email"].lower())

    assert (signed_in.status, signed_in.json) == (201, {"account_id": account["id"], "name": "Ada", "role": "customer"})
    assert (visitor.get("/api/accounts/me").status, visitor.get("/api/accounts/me").json) == (200, {**account, "role": "customer"})


def test_an_organiser_is_told_that_they_are_one(organiser):
    assert organiser.get("/api/accounts/me").json["role"] == "organiser"


def test_a_wrong_password_and_an_unknown_address_are_refused_alike(visitor, new):
    visitor.post("/api/accounts", new)

    wrong = visitor.sign_in(new["email"], "wrong horse")
    untrimmed = visitor.sign_in(new["email"], f" {new['password']} ")
    unknown = visitor.sign_in(f"x{new['email']}", new["password"])

    assert wrong.refusal == (401, "wrong-credentials")
    assert wrong.json == untrimmed.json == unknown.json
    assert "Set-Cookie" not in wrong.headers
    assert visitor.get("/api/accounts/me").refusal == (401, "not-signed-in")


def test_wrong_fields_of_credentials_are_named(visitor):
    assert visitor.post("/api/sessions", {"email": "no address", "password": "short", "remember": True}).wrong == {"email", "password", "remember"}
    assert visitor.post("/api/sessions", {}).wrong == {"email", "password"}


def test_the_cookie_is_kept_from_scripts_and_from_other_sites(fan, told):
    cookie = fan.sign_in(fan.email).headers["Set-Cookie"]
    value, *attributes = cookie.lower().split("; ")

    assert value.startswith("encore_session=")
    assert {"httponly", "samesite=lax", "path=/", "max-age=43200"} <= set(attributes)
    assert ("secure" in attributes) == told["BASE_URL"].startswith("https:")


@pytest.mark.parametrize("cookie", ["encore_session=", "encore_session=made-up", "encore_session=a.b.c", "other=1"])
def test_a_cookie_that_is_none_of_ours_is_refused(visitor, cookie):
    visitor.cookie = cookie

    assert visitor.get("/api/accounts/me").refusal == (401, "not-signed-in")


def test_a_signed_out_cookie_is_refused_and_other_sessions_go_on(sign_up, visitor, eventually):
    client = sign_up()
    visitor.sign_in(client.email)
    cookie = client.cookie

    left = client.delete("/api/sessions")

    assert (left.status, left.text) == (204, "")
    assert left.headers["Set-Cookie"].startswith("encore_session=;")
    client.cookie = cookie
    for path in ("/api/accounts/me", "/api/bookings", "/api/recommendations", "/api/payments?booking_id=x"):
        eventually("a refused cookie", lambda path=path: client.get(path).status == 401)
    assert client.delete("/api/sessions").refusal == (401, "not-signed-in")
    assert visitor.get("/api/accounts/me").status == 200


def test_one_address_that_is_registered_many_times_at_once_is_registered_once(visitor, new, at_once):
    answers = at_once([partial(visitor.post, "/api/accounts", new)] * 8)

    assert sorted(answer.status for answer in answers) == [201] + [409] * 7
    assert visitor.sign_in(new["email"]).json["account_id"] in [answer.json.get("id") for answer in answers]
