"""Accounts: registering, signing in, signing out, reading one's account."""

import secrets
from functools import partial

import pytest


@pytest.fixture
def new_account():
    """The fields of an account that does not exist yet."""
    return {
        "email": f"{secrets.token_hex(8)}@Encore.Example",
        "password": "correct horse",
        "name": "Ada",
    }


def test_a_new_account_is_returned_without_its_password(visitor, new_account):
    made = visitor.post("/api/accounts", {**new_account, "name": "  Ada Lovelace "})

    assert made.status == 201
    assert made.json.keys() == {"id", "email", "name"}
    assert (made.json["email"], made.json["name"]) == (new_account["email"], "Ada Lovelace")
    assert made.json["id"]


def test_a_new_account_gets_a_welcome_mail(visitor, new_account, mails, eventually):
    visitor.post("/api/accounts", new_account)

    greeted = eventually("mail", lambda: mails(new_account["email"]))

    assert "Welcome" in greeted[0]["subject"]
    assert new_account["name"] in greeted[0]["text"]


def test_an_email_address_is_unique_ignoring_case(visitor, new_account):
    visitor.post("/api/accounts", new_account)

    again = visitor.post(
        "/api/accounts", {**new_account, "email": new_account["email"].upper(), "name": "Another"}
    )

    assert again.refusal == (409, "email-taken")


def test_account_fields_may_have_their_maximum_length(visitor, new_account):
    local = new_account["email"].split("@")[0]
    longest = {
        "email": f"{local}@{'a' * 63}.{'b' * 63}.{'c' * 63}.{'d' * (254 - len(local) - 193)}",
        "password": "ü" * 128,
        "name": "🎺" * 200,
    }

    assert visitor.post("/api/accounts", longest).status == 201
    assert visitor.sign_in(longest["email"], longest["password"]).json["name"] == longest["name"]
    assert (
        visitor.post(
            "/api/accounts", {"email": new_account["email"], "password": "8 chars.", "name": "A"}
        ).status
        == 201
    )


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
def test_a_wrong_account_field_is_named(visitor, new_account, field, value):
    assert visitor.post("/api/accounts", {**new_account, field: value}).wrong == {field}


def test_all_wrong_account_fields_are_named_at_once(visitor):
    assert visitor.post(
        "/api/accounts", {"email": "no address", "password": "short", "colour": 1}
    ).wrong == {"email", "password", "name", "colour"}
    assert visitor.post("/api/accounts", {}).wrong == {"email", "password", "name"}


def test_signing_in_returns_the_account_and_role(visitor, new_account):
    account = visitor.post("/api/accounts", new_account).json

    signed_in = visitor.sign_in(new_account["email"].lower())

    assert (signed_in.status, signed_in.json) == (
        201,
        {"account_id": account["id"], "name": "Ada", "role": "customer"},
    )
    assert (visitor.get("/api/accounts/me").status, visitor.get("/api/accounts/me").json) == (
        200,
        {**account, "role": "customer"},
    )


def test_an_organisers_account_shows_the_role(organiser):
    assert organiser.get("/api/accounts/me").json["role"] == "organiser"


def test_wrong_passwords_and_unknown_addresses_look_the_same(visitor, new_account):
    visitor.post("/api/accounts", new_account)

    wrong = visitor.sign_in(new_account["email"], "wrong horse")
    untrimmed = visitor.sign_in(new_account["email"], f" {new_account['password']} ")
    unknown = visitor.sign_in(f"x{new_account['email']}", new_account["password"])

    assert wrong.refusal == (401, "wrong-credentials")
    assert wrong.json == untrimmed.json == unknown.json
    assert "Set-Cookie" not in wrong.headers
    assert visitor.get("/api/accounts/me").refusal == (401, "not-signed-in")


def test_all_wrong_credentials_fields_are_named(visitor):
    assert visitor.post(
        "/api/sessions", {"email": "no address", "password": "short", "remember": True}
    ).wrong == {"email", "password", "remember"}
    assert visitor.post("/api/sessions", {}).wrong == {"email", "password"}


def test_scripts_and_other_sites_cannot_use_the_cookie(fan, settings):
    cookie = fan.sign_in(fan.email).headers["Set-Cookie"]
    value, *attributes = cookie.lower().split("; ")

    assert value.startswith("encore_session=")
    assert {"httponly", "samesite=lax", "path=/", "max-age=43200"} <= set(attributes)
    assert ("secure" in attributes) == settings["BASE_URL"].startswith("https:")


@pytest.mark.parametrize(
    "cookie", ["encore_session=", "encore_session=made-up", "encore_session=a.b.c", "other=1"]
)
def test_a_cookie_from_elsewhere_is_refused(visitor, cookie):
    visitor.cookie = cookie

    assert visitor.get("/api/accounts/me").refusal == (401, "not-signed-in")


def test_signing_out_ends_only_that_session(sign_up, visitor, eventually):
    client = sign_up()
    visitor.sign_in(client.email)
    cookie = client.cookie

    signed_out = client.delete("/api/sessions")

    assert (signed_out.status, signed_out.text) == (204, "")
    assert signed_out.headers["Set-Cookie"].startswith("encore_session=;")
    client.cookie = cookie
    for path in (
        "/api/accounts/me",
        "/api/bookings",
        "/api/recommendations",
        "/api/payments?booking_id=x",
    ):
        eventually("a refused cookie", lambda path=path: client.get(path).status == 401)
    assert client.delete("/api/sessions").refusal == (401, "not-signed-in")
    assert visitor.get("/api/accounts/me").status == 200


def test_registering_one_address_many_times_makes_one_account(visitor, new_account, at_once):
    answers = at_once([partial(visitor.post, "/api/accounts", new_account)] * 8)

    assert sorted(answer.status for answer in answers) == [201] + [409] * 7
    assert visitor.sign_in(new_account["email"]).json["account_id"] in [
        answer.json.get("id") for answer in answers
    ]
