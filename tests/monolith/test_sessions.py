"""What a token proves, and what it does not."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from monolith.accounts.sessions import SESSION_FOR, Tokens

NOW = datetime(2030, 6, 1, 12, tzinfo=UTC)
ADA = SimpleNamespace(id="ada", role="customer")
OLD, NEW = ("old", Ed25519PrivateKey.generate()), ("new", Ed25519PrivateKey.generate())
GOOD = {"sub": "ada", "sid": "s", "role": "organiser", "exp": NOW + SESSION_FOR, "iss": "encore", "aud": "encore"}


def tokens(signing, *known):
    return Tokens(signing, {name: key.public_key() for name, key in known})


def test_a_token_says_who_in_which_role_and_until_when():
    session = tokens(OLD, OLD).read(tokens(OLD, OLD).issue(ADA, NOW), NOW)

    assert (session.account_id, session.role, session.expires_at) == ("ada", "customer", NOW + SESSION_FOR)


def test_while_keys_are_changed_both_are_good_and_afterwards_the_old_one_is_not():
    before = tokens(OLD, OLD).issue(ADA, NOW)

    assert tokens(NEW, OLD, NEW).read(before, NOW)
    assert tokens(OLD, OLD, NEW).read(tokens(NEW, OLD, NEW).issue(ADA, NOW), NOW)
    assert tokens(NEW, NEW).read(before, NOW) is None


def test_a_token_runs_out():
    token = tokens(OLD, OLD).issue(ADA, NOW)

    assert tokens(OLD, OLD).read(token, NOW + SESSION_FOR - timedelta(seconds=1))
    assert tokens(OLD, OLD).read(token, NOW + SESSION_FOR) is None


@pytest.mark.parametrize(
    "token",
    [
        "",
        "nonsense",
        "a.b.c",
        "\ud800",
        jwt.encode(GOOD, None, "none", {"kid": "old"}),
        jwt.encode(GOOD, OLD[1].public_key().public_bytes_raw(), "HS256", {"kid": "old"}),
        jwt.encode(GOOD, Ed25519PrivateKey.generate(), "EdDSA", {"kid": "old"}),
        jwt.encode(GOOD, OLD[1], "EdDSA", {"kid": "unknown"}),
        jwt.encode(GOOD, OLD[1], "EdDSA"),
        jwt.encode({**GOOD, "iss": "another"}, OLD[1], "EdDSA", {"kid": "old"}),
        jwt.encode({**GOOD, "aud": "another"}, OLD[1], "EdDSA", {"kid": "old"}),
        *(jwt.encode({name: value for name, value in GOOD.items() if name != missing}, OLD[1], "EdDSA", {"kid": "old"}) for missing in GOOD),
    ],
)
def test_any_other_token_proves_nothing(token):
    assert tokens(OLD, OLD).read(jwt.encode(GOOD, OLD[1], "EdDSA", {"kid": "old"}), NOW)
    assert tokens(OLD, OLD).read(token, NOW) is None


def test_a_changed_token_proves_nothing():
    head, body, signature = tokens(OLD, OLD).issue(ADA, NOW).split(".")

    assert tokens(OLD, OLD).read(f"{head}.{body[:-2]}AA.{signature}", NOW) is None


def test_forgetting_keeps_what_could_still_be_used(app, fan, process):
    cookie, now = fan.get_cookie("encore_session").value, process.clock()
    fan.delete("/api/sessions")

    for later, left in ((timedelta(hours=11), 1), (timedelta(hours=13), 0)):
        process.clock = lambda later=later: now + later
        app.test_cli_runner().invoke(args=["forget"])
        with process.db.reading() as session:
            assert session.connection().exec_driver_sql("select count(*) from ended_sessions").scalar_one() == left
        fan.set_cookie("encore_session", cookie)
        assert fan.get("/api/accounts/me").status_code == 401
