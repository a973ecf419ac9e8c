"""Step 12: move identity live, and keep credentials off the wire."""

import json

import pytest

PASSWORD = "a password of nobody else"
CREDENTIALS = {"email": "ada@encore.example", "password": PASSWORD}
TOPICS = ("accounts", "catalog", "bookings", "payments")


@pytest.fixture
def ada(encore):
    """Somebody without an account, who comes while the monolith's web process is stopped."""
    encore.stop("web")
    return encore.client()


def register_and_sign_in(client):
    """The statuses of the two answers."""
    registered = client.request("POST", "/api/accounts", json={**CREDENTIALS, "name": "Ada"})
    return registered.status, client.request("POST", "/api/sessions", json=CREDENTIALS).status


def test_signing_in_works_while_the_monolith_is_stopped(ada):
    assert register_and_sign_in(ada) == (201, 201)

    me = ada.request("GET", "/api/accounts/me")

    assert (me.status, me.json["email"]) == (200, CREDENTIALS["email"])


def test_nothing_on_a_topic_resembles_a_credential(ada, encore, eventually):
    assert register_and_sign_in(ada) == (201, 201)
    token = ada.cookie.partition("=")[2]
    assert ada.request("DELETE", "/api/sessions").status == 204

    types = ["account.registered", "session.ended"]
    eventually(lambda: sorted(each["type"] for each in encore.events("accounts")) == types)

    published = [message for topic in TOPICS for message in encore.events(topic)]
    text = json.dumps(published)
    assert CREDENTIALS["email"] in text
    signs = (PASSWORD, token, *token.split("."), "password", "argon2", "secret")
    assert [sign for sign in signs if sign in text] == []
