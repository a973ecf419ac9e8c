"""Payments: the list for the customer, and charges and refunds at the provider."""

from datetime import datetime


def paid(client, booking):
    return client.items(f"/api/payments?booking_id={booking['id']}")


def test_a_confirmed_booking_has_exactly_one_charge(fan, event, buy, ledger, eventually):
    booking = buy(fan, event, event.seats[:2])

    (charge,) = eventually("payments", lambda: paid(fan, booking))

    assert charge.keys() == {
        "id",
        "booking_id",
        "kind",
        "amount",
        "currency",
        "status",
        "created_at",
    }
    assert (
        charge["booking_id"],
        charge["kind"],
        charge["amount"],
        charge["currency"],
        charge["status"],
    ) == (booking["id"], "charge", 9000, "EUR", "succeeded")
    assert datetime.fromisoformat(charge["created_at"]) and charge["created_at"].endswith("Z")
    assert ledger()[booking["hold_id"]] == [("charge", 9000, "EUR")]


def test_a_cancelled_booking_has_a_charge_and_refund(fan, event, buy, settled, ledger, eventually):
    booking = buy(fan, event, event.seats[:1])
    fan.cancel(booking)
    settled(fan, booking)

    both = eventually("payments", lambda: len(listed := paid(fan, booking)) == 2 and listed)

    assert [(each["kind"], each["amount"], each["status"]) for each in both] == [
        ("charge", 4500, "succeeded"),
        ("refund", 4500, "succeeded"),
    ]
    eventually(
        "refunds",
        lambda: ledger()[booking["hold_id"]] == [("charge", 4500, "EUR"), ("refund", 4500, "EUR")],
    )
    pages = fan.pages(f"/api/payments?booking_id={booking['id']}", limit=1)
    assert [[each["kind"] for each in page] for page in pages] == [["charge"], ["refund"]]


def test_no_money_moves_for_a_declined_booking(fan, event, buy, ledger, eventually):
    booking = buy(fan, event, event.seats[:1], card="pm_card_visa_chargeDeclined")

    (charge,) = eventually("payments", lambda: paid(fan, booking))

    assert (charge["kind"], charge["status"]) == ("charge", "declined")
    assert ledger()[booking["hold_id"]] == []


def test_payments_are_listed_for_one_booking_only(fan, visitor):
    assert fan.get("/api/payments").wrong == {"booking_id"}
    assert fan.get("/api/payments?booking_id=&limit=x&after=y").wrong == {
        "booking_id",
        "limit",
        "after",
    }
    assert fan.get("/api/payments?booking_id=unknown").json == {"items": [], "next": None}
    assert visitor.get("/api/payments?booking_id=unknown").refusal == (401, "not-signed-in")
