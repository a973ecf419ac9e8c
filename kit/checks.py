"""Checks for values from outside: functions that return the value, or raise ValueError.

Some functions here are checks (`moment`), others make one (`whole(1, 100)`)."""

import re
import unicodedata
from datetime import UTC, datetime

IDENTIFIER = re.compile(r"[A-Za-z0-9_-]{1,64}")
MOMENT = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,6})?Z", re.ASCII)
_LABEL = r"[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?"
# The pattern of the HTML standard's input type=email, without what begins an encoded word in a mail
# (RFC 2047).
EMAIL = re.compile(rf"(?!.*=\?)[a-zA-Z0-9.!#$%&'*+/=?^_`{{|}}~-]+@{_LABEL}(?:\.{_LABEL})*")
# Unicode's categories of control characters and of what separates lines and paragraphs. Names and
# titles stand in mails: with these, a stranger could write paragraphs of their own there.
NOT_IN_A_LINE = {"Cc", "Zl", "Zp"}
MISSING = object()


def check(sent, field_checks):
    """(values, errors): the checked values of sent, and a list of (field, what is wrong).

    A field that has no check is an error too."""
    values = {}
    unknown = [field for field in sent if field not in field_checks]
    errors = [(field, "is not a field of this request") for field in unknown]
    for field, checked in field_checks.items():
        try:
            values[field] = checked(sent.get(field, MISSING))
        except ValueError as problem:
            errors.append((field, str(problem)))
    return values, errors


def optional(checked, default=None):
    """The same check, with a default for a field that is missing."""
    return lambda value: default if value is MISSING else checked(value)


def text(low=1, high=200, *, trimmed=True, like=None, called="a text that fits"):
    """A string of low to high characters, without spaces around it unless trimmed is false.

    like is a pattern for the whole string; called is its name in the error."""

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


def line(value):
    """A text of 1 to 200 characters without a line break or another control character."""
    if any(unicodedata.category(character) in NOT_IN_A_LINE for character in _storable(value)):
        raise ValueError("must be one line, without control characters")
    return text()(value)


email = text(high=254, like=EMAIL, called="an e-mail address")
identifier = text(high=64, like=IDENTIFIER, called="an id")


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
    """A moment later than now."""

    def checked(value):
        value = moment(value)
        if value <= now:
            raise ValueError("must be in the future")
        return value

    return checked


def one_of(*choices):
    """One of these strings."""

    def checked(value):
        if _storable(value) not in choices:
            raise ValueError(f"must be one of {', '.join(choices)}")
        return value

    return checked


def list_of(checked, low, high):
    """A list with low to high values, each of which passes the check."""

    def check_all(value):
        if value is MISSING:
            raise ValueError("is missing")
        if not isinstance(value, list) or not low <= len(value) <= high:
            raise ValueError(f"must be a list of {low} to {high}")
        return [checked(each) for each in value]

    return check_all


def mapping_of(checked):
    """An object with at least one member, whose values pass the check."""

    def check_all(value):
        if value is MISSING:
            raise ValueError("is missing")
        if not isinstance(value, dict) or not value:
            raise ValueError("must be an object with at least one member")
        return {_storable(name): checked(each) for name, each in value.items()}

    return check_all


def as_text(moment):
    """ISO 8601 in UTC with a Z."""
    return moment.isoformat().replace("+00:00", "Z")
