"""Checks for what comes in from outside: each takes a value and returns it, or raises ValueError saying what is wrong."""

import base64
import binascii
import json
import re
from datetime import UTC, datetime

IDENTIFIER = re.compile(r"[A-Za-z0-9_-]{1,64}")
MOMENT = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,6})?Z", re.ASCII)
EMAIL = re.compile(
    r"(?!.*=\?)[a-zA-Z0-9.!#$%&'*+/=?^_`{|}~-]+@[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?)*"
)  # the pattern of the HTML standard's input type=email, without what begins an encoded word in a mail (RFC 2047)
PAYMENT_METHOD = re.compile(r"pm_[A-Za-z0-9_]{1,250}")
MISSING = object()


def check(given, checks):
    """The checked values of given, and the errors as (field, what is wrong); what is not in checks is an error too."""
    values, errors = {}, [(field, "is not a field of this request") for field in given if field not in checks]
    for field, checked in checks.items():
        try:
            values[field] = checked(given.get(field, MISSING))
        except ValueError as problem:
            errors.append((field, str(problem)))
    return values, errors


def optional(checked, default=None):
    return lambda value: default if value is MISSING else checked(value)


def text(low=1, high=200, *, trimmed=True, like=None, called="a text that fits"):
    """A string of low to high characters that can be stored, trimmed first; like is a pattern for the whole of it."""

    def checked(value):
        value = _storable(value)
        value = value.strip() if trimmed else value
        if not low <= len(value) <= high:
            raise ValueError(f"must have {low} to {high} characters")
        if like and not like.fullmatch(value):
            raise ValueError(f"is not {called}")
        return value

    return checked


def _storable(value):
    if value is MISSING:
        raise ValueError("is missing")
    if not isinstance(value, str):
        raise ValueError("must be a string")
    if "\0" in value or any("\ud800" <= character <= "\udfff" for character in value):
        raise ValueError("holds a character that cannot be stored")
    return value


email = text(high=254, like=EMAIL, called="an e-mail address")
password = text(low=8, high=128, trimmed=False)
identifier = text(high=64, like=IDENTIFIER, called="an id")
payment_method = text(high=253, like=PAYMENT_METHOD, called="a payment method")


def whole(low, high):
    """A whole number from low to high."""

    def checked(value):
        if value is MISSING:
            raise ValueError("is missing")
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            raise ValueError(f"must be a whole number from {low} to {high}")
        return value

    return checked


def digits(low, high):
    """A whole number from low to high, written in decimal digits."""

    def checked(value):
        if not (value.isascii() and value.isdigit() and len(value) < 10):
            raise ValueError(f"must be a whole number from {low} to {high}")
        return whole(low, high)(int(value))

    return checked


def moment(value):
    """An aware datetime in UTC, from ISO 8601 with a Z."""
    value = _storable(value)
    if not MOMENT.fullmatch(value):
        raise ValueError("is not a time such as 2030-06-01T19:30:00Z")
    try:
        return datetime.fromisoformat(value[:-1]).replace(tzinfo=UTC)
    except ValueError:
        raise ValueError("is not a time that exists") from None


def future(now):
    def checked(value):
        value = moment(value)
        if value <= now:
            raise ValueError("must be in the future")
        return value

    return checked


def one_of(*choices):
    def checked(value):
        if _storable(value) not in choices:
            raise ValueError(f"must be one of {', '.join(choices)}")
        return value

    return checked


def list_of(checked, low, high):
    """A list of low to high values, each as checked."""

    def check_all(value):
        if value is MISSING:
            raise ValueError("is missing")
        if not isinstance(value, list) or not low <= len(value) <= high:
            raise ValueError(f"must be a list of {low} to {high}")
        return [checked(each) for each in value]

    return check_all


def mapping_of(checked):
    """An object with at least one member; names are strings, values as checked."""

    def check_all(value):
        if value is MISSING:
            raise ValueError("is missing")
        if not isinstance(value, dict) or not value:
            raise ValueError("must be an object with at least one member")
        return {_storable(name): checked(each) for name, each in value.items()}

    return check_all


def score(value):
    if not isinstance(value, float) or not 0 <= value < 1_000_000:
        raise ValueError("must be a score")
    return value


def cursor(*checks):
    """The position that a page ended at, from the text that write_cursor gave."""

    def checked(value):
        try:
            position = json.loads(base64.b64decode(value.encode("ascii"), altchars=b"-_", validate=True))
            if not isinstance(position, list):
                raise ValueError
            return [each(part) for each, part in zip(checks, position, strict=True)]
        except (ValueError, binascii.Error, RecursionError):
            raise ValueError("is not a cursor of this list") from None

    return checked


def write_cursor(*position):
    return base64.urlsafe_b64encode(json.dumps(position).encode()).decode()


def as_text(moment):
    """ISO 8601 in UTC with a Z."""
    return moment.isoformat().replace("+00:00", "Z")
