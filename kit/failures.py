"""Why a message could not be processed, and for how long it is tried again in its place: the later
messages of its partition wait behind it.

If that was in vain, it becomes a dead letter, and the others go on: one message never stops them
for ever."""

import math

from sqlalchemy.exc import DataError, DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as NoConnection

from kit.message import Unprocessable
from kit.refusals import Refusal, Unavailable

NOT_YET_SECONDS = 300.0
DEFECT_SECONDS = 1.0
LONGEST_CAUSE = 500  # characters
# How the codes of PostgreSQL begin by which it refuses every statement: the connection is broken,
# this server is a standby, it has no room, it is being stopped.
NO_SERVICE = ("08", "25006", "53", "57P")


class NotYet(Exception):
    """This message has to wait: its prerequisite will come."""


class TryLater(Exception):
    """This message cannot be processed now, but others can, and need not wait for it."""


def patience(error):
    """For how many seconds a message that fails with error is tried again in its place."""
    if is_outage(error):
        return math.inf
    if isinstance(error, NotYet):
        return NOT_YET_SECONDS
    if isinstance(error, TryLater) or is_final(error):
        return 0.0
    return DEFECT_SECONDS


def is_outage(error):
    """Whether a service or the database does not answer: then no other message would succeed."""
    if isinstance(error, DBAPIError):
        code = getattr(error.orig, "sqlstate", None)
        is_answer = code or not isinstance(error, (OperationalError, InterfaceError))
        return error.connection_invalidated or not is_answer or (code or "").startswith(NO_SERVICE)
    return isinstance(error, (Unavailable, NoConnection))


def is_final(error):
    """Whether the message itself is wrong, so that a later try cannot succeed."""
    return isinstance(error, (Unprocessable, DataError))


def is_defect(error):
    """Whether nobody expected this error."""
    return not isinstance(error, (Unprocessable, NotYet, TryLater, Refusal))


def cause_of(error):
    """What an error says, as one short line without control characters, safe to store and show."""
    text = str(getattr(error, "orig", None) or error).strip().partition("\n")[0]
    if is_defect(error):
        text = f"{type(error).__name__}: {text}"
    return "".join(each if each.isprintable() else " " for each in text[:LONGEST_CAUSE])
