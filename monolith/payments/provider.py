import logging
from dataclasses import dataclass

import stripe

from kit import trace
from kit.refusals import Unavailable

log = logging.getLogger(__name__)
stripe.enable_telemetry = False


@dataclass(frozen=True)
class Charge:
    """The outcome of a charge; id is the provider's payment intent, if it made one."""

    id: str | None
    succeeded: bool


class Provider:
    """The payment provider, over the Stripe API. Unavailable where it gives no clear answer."""

    def __init__(self, base, key, *, timeout):
        self._stripe = stripe.StripeClient(
            key,
            base_addresses={"api": base},
            http_client=stripe.RequestsClient(timeout=timeout),
            max_network_retries=1,
        ).v1

    def customer(self, *, account_id, name):
        """The id of an account's customer, made now if there is none."""
        return self._ask(
            self._stripe.customers.create,
            {"name": name, "metadata": {"account_id": account_id}},
            {"idempotency_key": f"customer:{account_id}"},
        ).id

    def charge(self, *, customer_id, hold_id, amount, currency, payment_method):
        """The charge for a hold; a repeat with the same hold_id is the same charge."""
        try:
            intent = self._ask(
                self._stripe.payment_intents.create,
                {
                    "amount": amount,
                    "currency": currency.lower(),
                    "customer": customer_id,
                    "payment_method": payment_method,
                    "confirm": True,
                    "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
                    "metadata": {"hold_id": hold_id},
                },
                {"idempotency_key": f"charge:{hold_id}"},
            )
        except stripe.StripeError as refusal:
            if not is_about_the_card(refusal):
                raise _unavailable(refusal) from refusal
            log.warning(
                "charge refused",
                extra={"hold_id": hold_id, "code": refusal.code, "param": refusal.param},
            )
            return Charge(None, succeeded=False)
        return Charge(intent.id, succeeded=intent.status == "succeeded")

    def refund(self, charge_id, *, key):
        """Refund all of a charge; a repeat with the same key changes nothing."""
        try:
            self._ask(
                self._stripe.refunds.create,
                {"payment_intent": charge_id},
                {"idempotency_key": f"refund:{key}"},
            )
        except stripe.InvalidRequestError as refusal:
            if refusal.code != "charge_already_refunded":
                raise _unavailable(refusal) from refusal

    def _ask(self, call, params, options):
        try:
            with trace.span("ask the payment provider", "client"):
                return call(params, options)
        except (stripe.CardError, stripe.InvalidRequestError):
            raise
        except stripe.StripeError as error:
            raise _unavailable(error) from error


def is_about_the_card(error):
    """Whether the provider refuses this card; any other refusal is a fault of ours."""
    if isinstance(error, stripe.CardError):
        return True
    return isinstance(error, stripe.InvalidRequestError) and error.param == "payment_method"


def _unavailable(error):
    """Log what the provider said; answer what the customer gets to know."""
    line = {"error": type(error).__name__, "code": error.code}
    log.error("payment provider", extra=line)
    return Unavailable("The payment provider")
