"""The payment provider, over the Stripe API.

A charge for a hold has the key charge:{hold_id}, so that a repeat is the same charge. If that key
was used before, an earlier request may have charged this card (or, before step 10, another one),
and what it answered may be lost, or old by now. Then the provider's list of charges says what is
true."""

import logging

import stripe

from extracted.payments.answers import (
    is_about_the_card,
    is_about_the_request,
    is_replay,
    refusal_of,
)
from extracted.payments.outcomes import Charge
from kit import trace
from kit.failures import TryLater
from kit.refusals import OutcomeUnknown, Unavailable

log = logging.getLogger(__name__)
stripe.enable_telemetry = False
UNDECIDED = ("processing", "requires_capture")  # of a charge
NOT_DONE = ("failed", "canceled")  # of a refund


class Provider:
    """The payment provider: Unavailable where it answers nobody, OutcomeUnknown where it gave no
    clear answer, TryLater where it refuses a request and not a card.

    No request is repeated by itself: a connection that is refused after an answer that was lost
    would look as if nothing had been done."""

    def __init__(self, base, key, *, timeout):
        self._stripe = stripe.StripeClient(
            key,
            base_addresses={"api": base},
            http_client=stripe.RequestsClient(timeout=timeout),
            max_network_retries=0,
        ).v1

    def customer(self, *, account_id, name, instead_of=None):
        """The id of an account's customer, made now if there is none.

        instead_of is the id of an earlier one, which the provider does not know any more."""
        params = {"name": name, "metadata": {"account_id": account_id}}
        key = f"customer:{account_id}" + (f":{instead_of}" if instead_of else "")
        try:
            return self._ask(self._stripe.customers.create, params, key).id
        except (stripe.StripeError, OutcomeUnknown) as error:
            raise Unavailable("The payment provider") from error  # no money has moved

    def charge(self, *, customer_id, account_id, hold_id, amount, currency, payment_method):
        """The charge for a hold; a repeat with the same card is the same charge.

        If another card was charged for the hold, that charge is given back first."""
        order = {
            "amount": amount,
            "currency": currency.lower(),
            "customer": customer_id,
            "payment_method": payment_method,
            "confirm": True,
            "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
            "metadata": {
                "account_id": account_id,
                "hold_id": hold_id,
                "payment_method": payment_method,
            },
        }
        charge = self._pay(order, f"charge:{hold_id}") or self._pay_again(order)
        if charge is None:  # the earlier request has not ended
            raise OutcomeUnknown("The payment provider")
        return charge

    def _pay(self, order, key):
        """The outcome of a new charge; None if the key was used before."""
        try:
            intent = self._ask(self._stripe.payment_intents.create, order, key)
        except stripe.StripeError as refusal:
            if is_replay(refusal):
                return None
            if not is_about_the_card(refusal):
                raise refusal_of(refusal) from refusal
            line = {"code": refusal.code, "param": refusal.param}
            log.warning("charge refused", extra={**order["metadata"], **line})
            return Charge(None, succeeded=False)
        return None if is_replay(intent.last_response) else _outcome(intent)

    def _pay_again(self, order):
        """The outcome of the earlier request with the same card; a charge of another card, which
        only a step before 10 can have made, is given back first."""
        wanted = order["metadata"]
        earlier = self._earlier(order["customer"], wanted["hold_id"])
        outcomes = [_outcome(each) for each in earlier]
        kept = None
        for intent, charge in zip(earlier, outcomes, strict=True):
            if charge.succeeded and self._is_refunded(intent.id):
                continue
            if kept is None and _of(intent, "payment_method") == wanted["payment_method"]:
                kept = charge
            elif charge.succeeded:
                self.refund(intent.id, key=intent.id)
        if kept or not earlier:
            return kept
        key = f"charge:{wanted['hold_id']}:{len(earlier)}:{wanted['payment_method']}"
        return self._pay(order, key)

    def _earlier(self, customer_id, hold_id):
        """The charges that were tried for a hold, the newest first."""
        of_customer = self._list(self._stripe.payment_intents, customer=customer_id)
        return [each for each in of_customer if _of(each, "hold_id") == hold_id]

    def close(self, *, customer_id, account_id, hold_id, amount, currency):
        """The charge for a hold, if it was made; from now on none will be.

        A payment that nobody confirms takes the hold's key. If that was used before, the provider
        refuses, and its list says what became of the charge."""
        unconfirmed = {
            "amount": amount,
            "currency": currency.lower(),
            "customer": customer_id,
            "metadata": {"account_id": account_id, "hold_id": hold_id},
        }
        try:
            self._ask(self._stripe.payment_intents.create, unconfirmed, f"charge:{hold_id}")
        except stripe.StripeError as refusal:
            if not is_replay(refusal):
                raise refusal_of(refusal) from refusal
        tried = [_outcome(each) for each in self._earlier(customer_id, hold_id)]
        if not tried:  # the earlier request has not ended
            raise OutcomeUnknown("The payment provider")
        return next((each for each in tried if each.succeeded), tried[0])

    def _is_refunded(self, charge_id):
        refunds = self._list(self._stripe.refunds, payment_intent=charge_id)
        return any(refund.status not in NOT_DONE for refund in refunds)

    def refund(self, charge_id, *, key, **metadata):
        """Refund all of a charge; a repeat with the same key changes nothing."""
        params = {"payment_intent": charge_id, "metadata": metadata}
        try:
            refund = self._ask(self._stripe.refunds.create, params, f"refund:{key}")
        except stripe.StripeError as refusal:
            if refusal.code != "charge_already_refunded":
                raise refusal_of(refusal) from refusal
        else:
            if refund.status in NOT_DONE:
                log.error("refund failed", extra={"charge_id": charge_id, "refund_id": refund.id})
                raise TryLater(f"the payment provider: refund {refund.status}")

    def _list(self, of, **params):
        def pages(params, options):
            return list(of.list(params, options).auto_paging_iter())

        try:
            return self._ask(pages, {"limit": 100, **params})
        except stripe.StripeError as refusal:
            raise refusal_of(refusal) from refusal

    def _ask(self, call, params, key=None):
        try:
            with trace.span("ask the payment provider", "client"):
                return call(params, {"idempotency_key": key} if key else {})
        except stripe.StripeError as error:
            if is_about_the_request(error):
                raise
            raise refusal_of(error) from error


def _outcome(intent):
    if intent.status in UNDECIDED:
        raise OutcomeUnknown("The payment provider")
    return Charge(intent.id, succeeded=intent.status == "succeeded")


def _of(thing, name):
    return getattr(thing.metadata, name, None)
