"""What an error of the payment provider means for the request that it answers."""

import logging

import requests
import stripe
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError

from kit.refusals import OutcomeUnknown, Unavailable

log = logging.getLogger(__name__)
NOTHING_DONE = (
    stripe.AuthenticationError,
    stripe.InvalidRequestError,
    stripe.PermissionError,
    stripe.RateLimitError,
)


class UnknownCustomer(Unavailable):
    """The provider does not know the customer."""


def is_replay(answer):
    """Whether the idempotency key of a request was used before."""
    if isinstance(answer, stripe.IdempotencyError):
        return True
    return bool(answer.headers) and answer.headers.get("Idempotent-Replayed") == "true"


def is_about_the_request(error):
    """Whether it depends on the request what the error means."""
    about = (stripe.CardError, stripe.InvalidRequestError)
    return isinstance(error, about) or is_replay(error)


def is_about_the_card(error):
    """Whether the provider refuses this card; any other refusal is a fault of ours."""
    if isinstance(error, stripe.CardError):
        return True
    return isinstance(error, stripe.InvalidRequestError) and error.param == "payment_method"


def refusal_of(error):
    """Log what the provider said; answer what the customer gets to know."""
    line = {"error": type(error).__name__, "code": error.code}
    log.error("payment provider", extra=line)
    if error.code == "resource_missing" and getattr(error, "param", None) == "customer":
        return UnknownCustomer("The payment provider")
    if isinstance(error, NOTHING_DONE) or _was_not_sent(error):
        return Unavailable("The payment provider")
    return OutcomeUnknown("The payment provider")


def _was_not_sent(error):
    """Whether there was no connection that the request could have been sent over."""
    cause = error.__cause__
    if not isinstance(cause, requests.ConnectionError):
        return False
    reason = getattr(cause.args[0], "reason", None) if cause.args else None
    return isinstance(reason, (ConnectTimeoutError, NewConnectionError))
