"""A payment provider for the lab: the part of the Stripe API that a shop needs, for the official
SDK to talk to.

It stands in for Stripe's test mode as Stripe's API reference describes it: customers, payment
methods, payment intents, charges, refunds, lists, errors and idempotent requests. Knobs under
/_sandbox make it slow, away, silent after charging, or late to charge."""

import argparse
import asyncio
import json
import sqlite3
import time
import uuid
from contextlib import contextmanager
from urllib.parse import parse_qsl

from aiohttp import web

CARDS = {
    "pm_card_visa": None,
    "pm_card_mastercard": None,
    "pm_card_visa_chargeDeclined": "generic_decline",
    "pm_card_visa_chargeDeclinedInsufficientFunds": "insufficient_funds",
}
SMALLEST = {"eur": 50, "usd": 50, "chf": 50, "gbp": 30, "sek": 300}
LARGEST = 99_999_999
KNOBS = {
    "latency_ms": int,
    "refuse": bool,
    "hang": bool,
    "silent": bool,
    "drop_after": int,
    "processing": bool,
}
PREFIXES = {"customer": "cus", "payment_intent": "pi", "charge": "ch", "refund": "re"}
SCHEMA = """
create table if not exists objects (
  position integer primary key, id text unique not null, kind text not null, owner text,
  body text not null);
create index if not exists objects_kind on objects (kind, position);
create index if not exists objects_owner on objects (owner, kind, position);
create table if not exists answers (
  key text primary key, asked text not null, status integer not null, body text not null);
"""


class Refused(Exception):
    """An answer other than 200, in Stripe's words."""

    def __init__(self, status, message, *, type="invalid_request_error", **more):
        super().__init__(message)
        self.status = status
        self.body = {"error": {"type": type, "message": message, **more}}


class Store:
    """Everything that the provider knows, in one SQLite file; every question is answered from an
    index."""

    def __init__(self, path):
        self.processing = False
        self.db = sqlite3.connect(path, isolation_level=None)
        self.db.executescript("pragma journal_mode = wal; pragma synchronous = off;" + SCHEMA)

    @contextmanager
    def transaction(self):
        self.db.execute("begin immediate")
        try:
            yield
        except BaseException:
            self.db.execute("rollback")
            raise
        self.db.execute("commit")

    def add(self, kind, owner=None, **fields):
        """A new object; owner is the id of the one it is listed under."""
        body = {
            "id": f"{PREFIXES[kind]}_{uuid.uuid4().hex[:24]}",
            "object": kind,
            "created": int(time.time()),
            "livemode": False,
            **fields,
        }
        self.db.execute(
            "insert into objects (id, kind, owner, body) values (?, ?, ?, ?)",
            (body["id"], kind, owner, json.dumps(body)),
        )
        return body

    def change(self, body, **fields):
        body |= fields
        self.db.execute("update objects set body = ? where id = ?", (json.dumps(body), body["id"]))
        return body

    def get(self, kind, id, param=None):
        row = self.db.execute(
            "select body from objects where id = ? and kind = ?", (id, kind)
        ).fetchone()
        if row is None:
            status = 400 if param else 404
            raise Refused(
                status, f"No such {kind}: '{id}'", code="resource_missing", param=param or "id"
            )
        return json.loads(row[0])

    def newest(self, kind, owner, before, limit, since=0):
        """At most limit objects of a kind, of one owner's if that is given, the newest first; none
        that was made before since."""
        sql = (
            "select body from objects where kind = ? "
            + ("and owner = ? " if owner else "")
            + "and position < ? order by position desc limit ?"
        )
        rows = self.db.execute(sql, [kind, *([owner] if owner else []), before, limit])
        found = [json.loads(body) for (body,) in rows]
        return [body for body in found if body["created"] >= since]

    def everything(self, after, limit):
        """[(position, object)] of all kinds, oldest first."""
        rows = self.db.execute(
            "select position, body from objects where position > ? order by position limit ?",
            (after, limit),
        )
        return [(position, json.loads(body)) for position, body in rows]

    def finish_processing(self):
        """Charge the cards of all payment intents that are being processed."""
        with self.transaction():
            for _, body in self.everything(0, -1):
                if body["object"] == "payment_intent" and body["status"] == "processing":
                    _charge(self, body)

    def forget_money(self):
        """Forget everything but the customers, whose ids a shop may have kept."""
        with self.transaction():
            self.db.execute("delete from objects where kind <> 'customer'")
            self.db.execute("delete from answers")

    def position(self, id):
        row = self.db.execute("select position from objects where id = ?", (id,)).fetchone()
        if row is None:
            raise Refused(
                400, f"No such object: '{id}'", code="resource_missing", param="starting_after"
            )
        return row[0]

    def answered(self, key):
        return self.db.execute(
            "select asked, status, body from answers where key = ?", (key,)
        ).fetchone()

    def remember(self, key, asked, status, body):
        self.db.execute(
            "insert into answers values (?, ?, ?, ?)", (key, asked, status, json.dumps(body))
        )


# What can be asked for: each takes the store, the parameters and the ids in the address


def create_customer(store, asked):
    return store.add(
        "customer",
        owner=asked.get("email"),
        **{name: asked.get(name) for name in ("email", "name", "description")},
        metadata=asked.get("metadata", {}),
    )


def get_payment_method(store, asked, id):
    if id not in CARDS:
        raise Refused(
            404, f"No such PaymentMethod: '{id}'", code="resource_missing", param="payment_method"
        )
    return {
        "id": id,
        "object": "payment_method",
        "type": "card",
        "card": {"brand": id.split("_")[2], "last4": "4242"},
    }


def create_intent(store, asked):
    amount, currency = _amount(asked), asked.get("currency")
    if currency not in SMALLEST:
        raise Refused(400, f"Invalid currency: {currency}", param="currency")
    if amount < SMALLEST[currency]:
        raise Refused(
            400,
            "Amount must convert to at least 50 cents.",
            code="amount_too_small",
            param="amount",
        )
    if amount > LARGEST:
        raise Refused(
            400, "Amount must be no more than 99999999.", code="amount_too_large", param="amount"
        )
    if asked.get("customer"):
        store.get("customer", asked["customer"], param="customer")
    intent = store.add(
        "payment_intent",
        owner=asked.get("customer"),
        amount=amount,
        amount_received=0,
        currency=currency,
        customer=asked.get("customer"),
        description=asked.get("description"),
        metadata=asked.get("metadata", {}),
        payment_method=_card(asked.get("payment_method")),
        latest_charge=None,
        status="requires_confirmation"
        if asked.get("payment_method")
        else "requires_payment_method",
    )
    return _confirm(store, intent) if asked.get("confirm") == "true" else intent


def confirm_intent(store, asked, id):
    intent = store.get("payment_intent", id)
    if intent["status"] not in ("requires_confirmation", "requires_payment_method"):
        raise Refused(
            400,
            f"This PaymentIntent is {intent['status']}.",
            code="payment_intent_unexpected_state",
            payment_intent=intent,
        )
    return _confirm(
        store,
        store.change(
            intent, payment_method=_card(asked.get("payment_method")) or intent["payment_method"]
        ),
    )


def cancel_intent(store, asked, id):
    intent = store.get("payment_intent", id)
    if intent["status"] in ("succeeded", "canceled"):
        raise Refused(
            400,
            f"This PaymentIntent is {intent['status']}.",
            code="payment_intent_unexpected_state",
            payment_intent=intent,
        )
    return store.change(intent, status="canceled")


def _amount(asked, name="amount"):
    if not str(asked.get(name, "")).isdigit():
        raise Refused(
            400, f"Invalid integer: {asked.get(name)}", code="parameter_invalid_integer", param=name
        )
    return int(asked[name])


def _card(id):
    if id is not None and id not in CARDS:
        raise Refused(
            400, f"No such PaymentMethod: '{id}'", code="resource_missing", param="payment_method"
        )
    return id


def _confirm(store, intent):
    if intent["payment_method"] is None:
        raise Refused(
            400,
            "You cannot confirm this PaymentIntent because it's missing a payment method.",
            code="payment_intent_unexpected_state",
        )
    if store.processing:
        return store.change(intent, status="processing")
    return _charge(store, intent)


def _charge(store, intent):
    decline, shared = (
        CARDS[intent["payment_method"]],
        {name: intent[name] for name in ("amount", "currency", "customer", "metadata")},
    )
    charge = store.add(
        "charge",
        owner=intent["id"],
        payment_intent=intent["id"],
        paid=decline is None,
        status="failed" if decline else "succeeded",
        amount_refunded=0,
        **shared,
    )
    if decline is None:
        return store.change(
            intent, status="succeeded", amount_received=intent["amount"], latest_charge=charge["id"]
        )
    store.change(
        intent, status="requires_payment_method", payment_method=None, latest_charge=charge["id"]
    )
    return Refused(
        402,
        "Your card was declined.",
        type="card_error",
        code="card_declined",
        decline_code=decline,
        charge=charge["id"],
        payment_intent=dict(intent),
    )


def create_refund(store, asked):
    if asked.get("charge"):
        charge = store.get("charge", asked["charge"], param="charge")
    else:
        intent = store.get(
            "payment_intent", asked.get("payment_intent", ""), param="payment_intent"
        )
        charge = store.get("charge", intent["latest_charge"] or "", param="payment_intent")
    left = charge["amount"] - charge["amount_refunded"]
    amount = _amount(asked) if "amount" in asked else left
    if not charge["paid"] or amount > left or left == 0:
        raise Refused(
            400, f"Charge {charge['id']} has already been refunded.", code="charge_already_refunded"
        )
    store.change(charge, amount_refunded=charge["amount_refunded"] + amount)
    shared = {name: charge[name] for name in ("currency", "payment_intent")}
    return store.add(
        "refund",
        owner=charge["payment_intent"],
        charge=charge["id"],
        amount=amount,
        metadata={**charge["metadata"], **asked.get("metadata", {})},
        status="succeeded",
        **shared,
    )


def getting(kind):
    return lambda store, asked, id: store.get(kind, id)


def listing(kind, owner):
    """The newest first; owner names the parameter that asks for one owner's only."""

    def list_them(store, asked):
        limit = _amount(asked, "limit") if "limit" in asked else 10
        before = store.position(asked["starting_after"]) if "starting_after" in asked else 1 << 62
        since = int(asked.get("created", {}).get("gte", 0))
        found = store.newest(kind, asked.get(owner), before, min(limit, 100) + 1, since)
        return {
            "object": "list",
            "url": f"/v1/{kind}s",
            "has_more": len(found) > limit,
            "data": found[:limit],
        }

    return list_them


OPERATIONS = {
    ("POST", "/v1/customers"): create_customer,
    ("GET", "/v1/customers"): listing("customer", "email"),
    ("GET", "/v1/customers/{id}"): getting("customer"),
    ("GET", "/v1/payment_methods/{id}"): get_payment_method,
    ("POST", "/v1/payment_intents"): create_intent,
    ("GET", "/v1/payment_intents"): listing("payment_intent", "customer"),
    ("GET", "/v1/payment_intents/{id}"): getting("payment_intent"),
    ("POST", "/v1/payment_intents/{id}/confirm"): confirm_intent,
    ("POST", "/v1/payment_intents/{id}/cancel"): cancel_intent,
    ("GET", "/v1/charges"): listing("charge", "payment_intent"),
    ("GET", "/v1/charges/{id}"): getting("charge"),
    ("POST", "/v1/refunds"): create_refund,
    ("GET", "/v1/refunds"): listing("refund", "payment_intent"),
    ("GET", "/v1/refunds/{id}"): getting("refund"),
}


# The HTTP side


class Sandbox:
    """The provider with its knobs."""

    def __init__(self, store):
        self.store = store
        self.knobs = {
            "latency_ms": 0,
            "refuse": False,
            "hang": False,
            "silent": False,
            "drop_after": 0,
            "processing": False,
        }

    def serve(self, operation):
        async def handle(request):
            await asyncio.sleep(self.knobs["latency_ms"] / 1000)
            while self.knobs["hang"]:
                await asyncio.sleep(0.05)
            if self.knobs["refuse"]:
                return _answer(
                    503,
                    {"error": {"type": "api_error", "message": "The sandbox is set to refuse."}},
                )
            status, body, headers = self.run(operation, request, await request.text())
            while self.knobs["silent"]:
                await asyncio.sleep(0.05)
            if request.method == "POST" and self.knobs["drop_after"]:
                self.knobs["drop_after"] -= 1
                request.transport.abort()
            return _answer(status, body, headers)

        return handle

    def run(self, operation, request, text):
        """(status, body, headers): the effect and what is remembered of it are one transaction."""
        if (
            not request.headers.get("Authorization", "")
            .removeprefix("Bearer ")
            .startswith("sk_test_")
        ):
            return (
                401,
                {"error": {"type": "invalid_request_error", "message": "Invalid API Key provided"}},
                {},
            )
        key, asked = (
            request.headers.get("Idempotency-Key") if request.method == "POST" else None,
            f"{request.path}?{text}",
        )
        if key and (before := self.store.answered(key)):
            if before[0] != asked:
                message = (
                    "Keys for idempotent requests can only be used with the same "
                    "parameters they were first used with."
                )
                return 400, {"error": {"type": "idempotency_error", "message": message}}, {}
            return before[1], json.loads(before[2]), {"Idempotent-Replayed": "true"}
        try:
            with self.store.transaction():
                done = operation(
                    self.store, _parameters(request.query_string + "&" + text), **request.match_info
                )
                status, body = (
                    (done.status, done.body) if isinstance(done, Refused) else (200, done)
                )
                if key:
                    self.store.remember(key, asked, status, body)
        except Refused as refused:
            return refused.status, refused.body, {}
        return status, body, {}

    async def show(self, request):
        return _answer(200, self.knobs)

    async def turn(self, request):
        try:
            wanted = await request.json()
            wrong = [
                name
                for name, value in wanted.items()
                if type(value) is not KNOBS.get(name) or value < 0
            ]
        except (ValueError, AttributeError):
            wrong = ["the body"]
        if wrong:
            return _answer(
                422,
                {
                    "type": "invalid",
                    "detail": f"{', '.join(wrong)}: the knobs are {', '.join(KNOBS)}",
                },
            )
        if self.knobs["processing"] and not wanted.get("processing", True):
            self.store.finish_processing()
        self.knobs |= wanted
        self.store.processing = self.knobs["processing"]
        return _answer(200, self.knobs)

    async def forget(self, request):
        self.store.forget_money()
        return _answer(200, {})

    async def ledger(self, request):
        """Every charge and refund that moved money, oldest first."""
        limit = min(int(request.query.get("limit", 100)), 1000)
        found = self.store.everything(int(request.query.get("after", 0)), limit)
        items = [
            {
                "kind": body["object"],
                **{
                    name: body[name]
                    for name in (
                        "id",
                        "amount",
                        "currency",
                        "payment_intent",
                        "metadata",
                        "created",
                    )
                },
            }
            for _, body in found
            if body["object"] in ("charge", "refund") and body["status"] == "succeeded"
        ]
        return _answer(200, {"items": items, "next": found[-1][0] if len(found) == limit else None})


def _parameters(text):
    """Stripe's form encoding: a[b]=c is {"a": {"b": "c"}}."""
    parameters = {}
    for name, value in parse_qsl(text, keep_blank_values=True):
        outer, _, inner = name.partition("[")
        if inner:
            parameters.setdefault(outer, {})[inner.rstrip("]")] = value
        else:
            parameters[outer] = value
    return parameters


def _answer(status, body, headers=None):
    return web.json_response(
        body,
        status=status,
        headers={"Request-Id": f"req_{uuid.uuid4().hex[:14]}", **(headers or {})},
    )


async def _unknown(request):
    return _answer(
        404, Refused(404, f"Unrecognized request URL ({request.method}: {request.path}).").body
    )


def application(path):
    sandbox, app = Sandbox(Store(path)), web.Application()
    for (method, address), operation in OPERATIONS.items():
        app.router.add_route(method, address, sandbox.serve(operation))
    app.router.add_get("/_sandbox", sandbox.show)
    app.router.add_patch("/_sandbox", sandbox.turn)
    app.router.add_get("/_sandbox/ledger", sandbox.ledger)
    app.router.add_delete("/_sandbox/ledger", sandbox.forget)
    app.router.add_route("*", "/{address:.*}", _unknown)
    return app


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--host", default="127.0.0.1")
    options.add_argument("--port", type=int, required=True)
    options.add_argument("--database", required=True, help="the SQLite file that keeps everything")
    given = options.parse_args()
    web.run_app(
        application(given.database),
        host=given.host,
        port=given.port,
        print=None,
        shutdown_timeout=1,
        access_log=None,
    )
