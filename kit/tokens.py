"""Who is signed in, by a signed token (RFC 7519): a process that has the public key can tell.

The verifier keeps nothing. Which sessions have ended is known elsewhere: it asks a function."""

import base64
import binascii
from dataclasses import dataclass
from datetime import UTC, datetime

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

ALGORITHM = "EdDSA"
ISSUER = "encore"
COOKIE = "encore_session"
REQUIRED = ["sub", "sid", "role", "exp", "iss", "aud"]


@dataclass(frozen=True)
class Session:
    """What a token proves."""

    account_id: str
    role: str
    sid: str
    expires_at: datetime


class Verifier:
    """Reads tokens that belong to any of the public keys, {key id: key}.

    is_open(session) says whether its account exists and nobody has signed out of it."""

    def __init__(self, public_keys, *, is_open):
        self._public_keys = public_keys
        self._is_open = is_open

    def session(self, token, now):
        """The session of a token; None if it is not ours, has expired, or has ended."""
        session = self._read(token) if token else None
        if session is None or session.expires_at <= now or not self._is_open(session):
            return None
        return session

    def _read(self, token):
        try:
            key = self._public_keys[jwt.get_unverified_header(token)["kid"]]
            claims = jwt.decode(
                token,
                key,
                [ALGORITHM],
                issuer=ISSUER,
                audience=ISSUER,
                options={"require": REQUIRED, "verify_exp": False},
            )
        except (jwt.InvalidTokenError, KeyError, ValueError):
            return None
        expires_at = datetime.fromtimestamp(claims["exp"], UTC)
        return Session(claims["sub"], claims["role"], claims["sid"], expires_at)


def public_keys(text):
    """A parser for settings: {id: public key} from ID:KEY, several with commas between."""
    return dict(parse_key(each, Ed25519PublicKey.from_public_bytes) for each in text.split(","))


def parse_key(text, make):
    """(id, make(bytes)) from ID:KEY, with a raw Ed25519 key (RFC 8032) in base64url."""
    key_id, _, key = text.partition(":")
    try:
        raw = base64.b64decode(key, altchars=b"-_", validate=True)
        if not key_id or len(raw) != 32:
            raise ValueError
    except (ValueError, binascii.Error):
        raise ValueError("is not ID:KEY with a key of 32 bytes in base64url") from None
    return key_id, make(raw)
