"""Passwords as argon2id hashes, at the least cost that OWASP's Password Storage Cheat Sheet advises."""

from argon2 import PasswordHasher
from argon2.exceptions import VerifyMismatchError

_hasher = PasswordHasher(memory_cost=19_456, time_cost=2, parallelism=1)
NOBODYS = _hasher.hash("the password of no account")


def hashed(password):
    return _hasher.hash(password)


def matches(password_hash, password):
    try:
        return _hasher.verify(password_hash, password)
    except VerifyMismatchError:
        return False
