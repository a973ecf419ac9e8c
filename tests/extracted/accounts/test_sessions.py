"""Valid session tokens, and tokens that are refused."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from extracted.accounts.sessions import SESSION_FOR, Signer
from kit.tokens import Verifier

NOW = datetime(2030, 6, 1, 12, tzinfo=UTC)
ADA = SimpleNamespace(id="ada", role="customer")
OLD, NEW = ("old", Ed25519PrivateKey.generate()), ("new", Ed25519PrivateKey.generate())
GOOD = {
    "sub": "ada",
    "sid": "s",
    "role": "organiser",
    "exp": NOW + SESSION_FOR,
    "iss": "encore",
    "aud": "encore",
}


def verifier(*known, ended=()):
    public_keys = {name: key.public_key() for name, key in known}
    return Verifier(public_keys, is_open=lambda session: session.sid not in ended)


def test_a_token_contains_account_role_and_expiry():
    session = verifier(OLD).session(Signer(OLD).issue(ADA, NOW), NOW)

    assert (session.account_id, session.role, session.expires_at) == (
        "ada",
        "customer",
        NOW + SESSION_FOR,
    )


def test_both_keys_are_valid_during_a_key_change():
    before = Signer(OLD).issue(ADA, NOW)

    assert verifier(OLD, NEW).session(before, NOW)
    assert verifier(OLD, NEW).session(Signer(NEW).issue(ADA, NOW), NOW)
    assert verifier(NEW).session(before, NOW) is None


def test_a_token_expires_after_its_session():
    token = Signer(OLD).issue(ADA, NOW)

    assert verifier(OLD).session(token, NOW + SESSION_FOR - timedelta(seconds=1))
    assert verifier(OLD).session(token, NOW + SESSION_FOR) is None


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
        *(
            jwt.encode(
                {name: value for name, value in GOOD.items() if name != missing},
                OLD[1],
                "EdDSA",
                {"kid": "old"},
            )
            for missing in GOOD
        ),
    ],
)
def test_a_forged_or_incomplete_token_is_refused(token):
    assert verifier(OLD).session(jwt.encode(GOOD, OLD[1], "EdDSA", {"kid": "old"}), NOW)
    assert verifier(OLD).session(token, NOW) is None


def test_a_token_with_changed_content_is_refused():
    head, body, signature = Signer(OLD).issue(ADA, NOW).split(".")

    assert verifier(OLD).session(f"{head}.{body[:-2]}AA.{signature}", NOW) is None


def test_cleanup_keeps_ended_sessions_until_tokens_expire(app, fan, process, rows):
    cookie, now = fan.get_cookie("encore_session").value, process.clock()
    fan.delete("/api/sessions")

    for later, left in ((timedelta(hours=11), 1), (timedelta(hours=13), 0)):
        process.clock = lambda later=later: now + later
        app.test_cli_runner().invoke(args=["forget"])
        assert rows("select count(*) from ended_sessions") == [(left,)]
        fan.set_cookie("encore_session", cookie)
        assert fan.get("/api/accounts/me").status_code == 401
