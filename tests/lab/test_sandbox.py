"""The sandbox through the official SDK: what holds here holds against Stripe's test mode too."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
import stripe

from tools.lab.ground.tree import HERE
from tools.lab.ground.waiting import eventually, free_port, is_listening
from tools.lab.look.mail import read
from tools.lab.look.payments import clear, ledger, turn


class Provider:
    """A sandbox in a process of its own, and the SDK to talk to it."""

    def __init__(self, database):
        self.database = database
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.start()

    def start(self):
        command = [
            sys.executable,
            "-m",
            "tools.lab.services.sandbox",
            "--port",
            str(self.port),
            "--database",
            str(self.database),
        ]
        self.process = subprocess.Popen(command, cwd=HERE.path)
        eventually(lambda: is_listening(self.port))

    def client(self, key="sk_test_1", retries=2):
        return stripe.StripeClient(
            key,
            base_addresses={"api": self.url},
            max_network_retries=retries,
            http_client=stripe.RequestsClient(timeout=5),
        ).v1

    def pay(self, card="pm_card_visa", key=None, amount=1000, currency="eur", retries=2):
        params = {
            "amount": amount,
            "currency": currency,
            "payment_method": card,
            "confirm": True,
            "metadata": {"hold_id": "h1"},
        }
        return self.client(retries=retries).payment_intents.create(
            params, {"idempotency_key": key} if key else {}
        )


@pytest.fixture(scope="module")
def running_provider(tmp_path_factory):
    provider = Provider(tmp_path_factory.mktemp("sandbox") / "sandbox.db")
    yield provider
    provider.process.terminate()
    provider.process.wait(10)


@pytest.fixture
def provider(running_provider):
    """One that is quick and has moved no money."""
    yield running_provider
    turn(
        f"{running_provider.url}/_sandbox",
        {"latency_ms": 0, "refuse": False, "drop_after": 0, "processing": False},
    )
    clear(running_provider.url)


def test_a_good_card_is_charged(provider):
    customer = provider.client().customers.create({"name": "Ada", "metadata": {"account_id": "a1"}})

    intent = provider.client().payment_intents.create(
        {
            "amount": 1000,
            "currency": "eur",
            "customer": customer.id,
            "payment_method": "pm_card_visa",
            "confirm": True,
        }
    )

    assert (intent.status, intent.amount_received, intent.customer) == (
        "succeeded",
        1000,
        customer.id,
    )
    assert provider.client().charges.retrieve(intent.latest_charge).paid
    assert [(item["kind"], item["amount"]) for item in ledger(provider.url)] == [("charge", 1000)]


@pytest.mark.parametrize(
    ("card", "reason"),
    [
        ("pm_card_visa_chargeDeclined", "generic_decline"),
        ("pm_card_visa_chargeDeclinedInsufficientFunds", "insufficient_funds"),
    ],
)
def test_a_bad_card_is_declined_and_moves_no_money(provider, card, reason):
    with pytest.raises(stripe.CardError) as refused:
        provider.pay(card)

    assert (refused.value.http_status, refused.value.code, refused.value.error.decline_code) == (
        402,
        "card_declined",
        reason,
    )
    assert refused.value.error.payment_intent.status == "requires_payment_method"
    assert ledger(provider.url) == []


@pytest.mark.parametrize(
    ("wrong", "code", "param"),
    [
        ({"payment_method": "pm_nobodys"}, "resource_missing", "payment_method"),
        ({"customer": "cus_nobody"}, "resource_missing", "customer"),
        ({"amount": 49}, "amount_too_small", "amount"),
        ({"amount": 100_000_000}, "amount_too_large", "amount"),
        ({"amount": "many"}, "parameter_invalid_integer", "amount"),
    ],
)
def test_a_wrong_parameter_is_named(provider, wrong, code, param):
    with pytest.raises(stripe.InvalidRequestError) as refused:
        provider.client().payment_intents.create(
            {
                "amount": 1000,
                "currency": "eur",
                "payment_method": "pm_card_visa",
                "confirm": True,
                **wrong,
            }
        )

    assert (refused.value.http_status, refused.value.code, refused.value.param) == (
        400,
        code,
        param,
    )


def test_a_key_that_is_none_of_ours_is_refused(provider):
    with pytest.raises(stripe.AuthenticationError):
        provider.client("sk_live_1").customers.create({})


def test_a_repeated_request_has_one_effect_and_the_same_answer(provider):
    first, again = provider.pay(key="k"), provider.pay(key="k")

    assert again.id == first.id
    assert again.last_response.headers["Idempotent-Replayed"] == "true"
    assert len(ledger(provider.url)) == 1


def test_a_declined_request_is_remembered_too(provider):
    refusals = []
    for _ in range(2):
        with pytest.raises(stripe.CardError) as refused:
            provider.pay("pm_card_visa_chargeDeclined", key="k")
        refusals.append(refused.value.error.payment_intent.id)

    assert refusals[0] == refusals[1]


def test_a_key_used_for_another_request_is_refused(provider):
    provider.pay(key="k")

    with pytest.raises(stripe.IdempotencyError):
        provider.pay(key="k", amount=2000)


def test_the_same_request_many_times_at_once_charges_once(provider):
    with ThreadPoolExecutor(8) as threads:
        intents = [
            each.result() for each in [threads.submit(provider.pay, key="k") for _ in range(8)]
        ]

    assert len({intent.id for intent in intents}) == len(ledger(provider.url)) == 1


def test_an_answer_that_is_dropped_after_charging_is_got_by_the_sdks_own_retry(provider):
    turn(f"{provider.url}/_sandbox", {"drop_after": 1})

    intent = provider.pay(key="k")

    assert intent.status == "succeeded"
    assert len(ledger(provider.url)) == 1


def test_a_charge_is_refunded_once(provider):
    intent = provider.pay()
    provider.client().refunds.create({"payment_intent": intent.id, "amount": 400})
    provider.client().refunds.create({"payment_intent": intent.id})

    with pytest.raises(stripe.InvalidRequestError) as refused:
        provider.client().refunds.create({"payment_intent": intent.id})

    assert refused.value.code == "charge_already_refunded"
    assert [(item["kind"], item["amount"]) for item in ledger(provider.url)] == [
        ("charge", 1000),
        ("refund", 400),
        ("refund", 600),
    ]


def test_lists_are_paged_newest_first(provider):
    made = [provider.pay().id for _ in range(5)]

    listed = [
        intent.id
        for intent in provider.client().payment_intents.list({"limit": 2}).auto_paging_iter()
    ]

    assert listed == made[::-1]


def test_a_list_begins_at_the_moment_asked_for(provider):
    made = provider.pay()
    client = provider.client()

    since = client.payment_intents.list({"created": {"gte": made.created}})
    later = client.payment_intents.list({"created": {"gte": made.created + 1}})

    assert [intent.id for intent in since.data] == [made.id]
    assert (later.data, later.has_more) == ([], False)


def test_a_charge_that_is_processing_moves_its_money_later(provider):
    turn(f"{provider.url}/_sandbox", {"processing": True})
    intent = provider.pay()
    moved_before = ledger(provider.url)

    turn(f"{provider.url}/_sandbox", {"processing": False})

    assert (intent.status, moved_before) == ("processing", [])
    assert provider.client().payment_intents.retrieve(intent.id).status == "succeeded"
    assert len(ledger(provider.url)) == 1


def test_a_refund_keeps_its_own_metadata(provider):
    intent = provider.pay()

    refund = provider.client().refunds.create(
        {"payment_intent": intent.id, "metadata": {"booking_id": "b1"}}
    )

    assert refund.metadata.to_dict() == {"hold_id": "h1", "booking_id": "b1"}


def test_an_intent_is_confirmed_or_cancelled_later(provider):
    client = provider.client()
    first, second = (
        client.payment_intents.create(
            {"amount": 1000, "currency": "eur", "payment_method": "pm_card_visa"}
        )
        for _ in range(2)
    )

    assert client.payment_intents.confirm(first.id).status == "succeeded"
    assert client.payment_intents.cancel(second.id).status == "canceled"
    with pytest.raises(stripe.InvalidRequestError):
        client.payment_intents.cancel(first.id)


def test_acknowledged_charges_survive_a_sudden_death(provider):
    intent = provider.pay(key="k")
    provider.process.kill()
    provider.process.wait()

    provider.start()

    assert provider.client().payment_intents.retrieve(intent.id).status == "succeeded"
    assert provider.pay(key="k").id == intent.id


def test_refusing_and_latency_are_knobs_and_other_words_are_not(provider):
    turn(f"{provider.url}/_sandbox", {"refuse": True, "latency_ms": 10})
    with pytest.raises(stripe.APIError):
        provider.pay(retries=0)

    turn(f"{provider.url}/_sandbox", {"refuse": False})

    assert provider.pay().status == "succeeded"
    assert read(provider.url, "/_sandbox") == {
        "latency_ms": 10,
        "refuse": False,
        "hang": False,
        "silent": False,
        "drop_after": 0,
        "processing": False,
    }
    with pytest.raises(OSError, match="422"):
        turn(f"{provider.url}/_sandbox", {"speed": 1})


def test_the_money_is_forgotten_and_the_customers_are_not(provider):
    customer = provider.client().customers.create({"name": "Ada"})
    first = provider.pay(key="k")

    clear(provider.url)

    assert ledger(provider.url) == []
    assert provider.client().customers.retrieve(customer.id).name == "Ada"
    assert provider.pay(key="k").id != first.id


def test_every_question_is_answered_from_an_index(provider):
    import sqlite3

    database = sqlite3.connect(provider.database)
    questions = [
        "select body from objects where id = 'x' and kind = 'charge'",
        "select body from objects where kind = 'charge' and position < 9 order by position desc "
        "limit 1",
        "select body from objects where kind = 'charge' and owner = 'x' and position < 9 order "
        "by position desc limit 1",
        "select position, body from objects where position > 9 order by position limit 1",
        "select asked, status, body from answers where key = 'x'",
    ]

    plans = [
        " ".join(row[3] for row in database.execute(f"explain query plan {question}"))
        for question in questions
    ]
    database.close()

    assert [plan for plan in plans if not plan.startswith("SEARCH") or "TEMP B-TREE" in plan] == []
