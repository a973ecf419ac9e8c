"""Passwords as argon2id hashes, with the least cost in OWASP's Password Storage Cheat Sheet."""

from argon2 import PasswordHasher
from argon2.exceptions import VerifyMismatchError

_hasher = PasswordHasher(memory_cost=19_456, time_cost=2, parallelism=1)

# Checked for an unknown address, so that the answer takes as long as for a known one.
NOBODYS = _hasher.hash("the password of no account")


def hashed(password):
    return _hasher.hash(password)


def matches(password_hash, password):
    try:
        return _hasher.verify(password_hash, password)
    except VerifyMismatchError:
        return False
