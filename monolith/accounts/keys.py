"""The keys of session tokens, in the environment as ID:KEY with a raw Ed25519 key (RFC 8032) in base64url.

`python -m monolith.accounts.keys ID` makes a new pair. To change keys without signing anybody out: add the new public key
beside the old one everywhere, then change SESSION_KEY, and take the old public key away twelve hours later."""

import base64
import binascii
import sys

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey


def private(text):
    """(id, private key)"""
    return _parse(text, Ed25519PrivateKey.from_private_bytes)


def public(text):
    """{id: public key} of several, with commas between."""
    return dict(_parse(each, Ed25519PublicKey.from_public_bytes) for each in text.split(","))


def _parse(text, make):
    name, _, key = text.partition(":")
    try:
        raw = base64.b64decode(key, altchars=b"-_", validate=True)
        if not name or len(raw) != 32:
            raise ValueError
    except (ValueError, binascii.Error):
        raise ValueError("is not ID:KEY with 32 bytes in base64url (python -m monolith.accounts.keys ID makes one)") from None
    return name, make(raw)


def belong_together(signing, public_keys):
    name, key = signing
    return name in public_keys and public_keys[name].public_bytes_raw() == key.public_key().public_bytes_raw()


if __name__ == "__main__":
    key = Ed25519PrivateKey.generate()
    for setting, raw in {"SESSION_KEY": key.private_bytes_raw(), "SESSION_PUBLIC_KEYS": key.public_key().public_bytes_raw()}.items():
        print(f"{setting}={sys.argv[1]}:{base64.urlsafe_b64encode(raw).decode()}")
