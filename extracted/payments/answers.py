"""What an error of the payment provider means for the message that is being processed.

If the provider answers nobody, the message waits in its place (Unavailable). If only this request
has trouble, the others go on, and this one is made again later (OutcomeUnknown, TryLater):
kit/failures.py. Only a card that is refused is an answer."""

import logging

import requests
import stripe
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError

from extracted.payments.outcomes import UnknownCustomer
from kit.failures import TryLater
from kit.refusals import OutcomeUnknown, Unavailable

log = logging.getLogger(__name__)
NOT_SERVED = (
    stripe.AuthenticationError,
    stripe.PermissionError,
    stripe.RateLimitError,
)


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
    """Log what the provider said; answer with the exception that fits."""
    line = {"error": type(error).__name__, "code": error.code}
    log.error("payment provider", extra=line)
    if isinstance(error, NOT_SERVED) or _was_not_sent(error):
        return Unavailable("The payment provider")
    if not isinstance(error, stripe.InvalidRequestError):
        return OutcomeUnknown("The payment provider")
    about = f"the payment provider: {error.code} {error.param}"
    is_about_customer = error.code == "resource_missing" and error.param == "customer"
    return UnknownCustomer(about) if is_about_customer else TryLater(about)


def _was_not_sent(error):
    """Whether there was no connection that the request could have been sent over."""
    cause = error.__cause__
    if not isinstance(cause, requests.ConnectionError):
        return False
    reason = getattr(cause.args[0], "reason", None) if cause.args else None
    return isinstance(reason, (ConnectTimeoutError, NewConnectionError))
