"""The private key of session tokens. `python -m extracted.accounts.keys ID` makes a pair of keys.

To change keys without signing anybody out: add the new public key beside the old one everywhere,
then change SESSION_KEY, and remove the old public key twelve hours later."""

import base64
import sys

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from kit.tokens import parse_key


def private_key(text):
    """A parser for settings: (id, private key) from ID:KEY."""
    return parse_key(text, Ed25519PrivateKey.from_private_bytes)


def belong_together(signing_key, public_keys):
    """Whether one of the public keys verifies what the signing key signs."""
    key_id, key = signing_key
    if key_id not in public_keys:
        return False
    return public_keys[key_id].public_bytes_raw() == key.public_key().public_bytes_raw()


def main(key_id):
    key = Ed25519PrivateKey.generate()
    settings = {
        "SESSION_KEY": key.private_bytes_raw(),
        "SESSION_PUBLIC_KEYS": key.public_key().public_bytes_raw(),
    }
    for setting, raw in settings.items():
        print(f"{setting}={key_id}:{base64.urlsafe_b64encode(raw).decode()}")


if __name__ == "__main__":
    main(sys.argv[1])
