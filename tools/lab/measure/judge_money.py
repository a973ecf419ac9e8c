"""Judges the money at the provider: for each booking, and none kept for a hold without one."""

from collections import Counter, defaultdict

GOOD_CARDS = ("pm_card_visa", "pm_card_mastercard")
WITHOUT_BOOKING = "has no booking"
DECLINED_CARDS = ("pm_card_visa_chargeDeclined",)


def money(ledger, evidence, booked):
    """Each violation; booked are the bookings of the holds."""
    by_hold = defaultdict(list)
    for item in evidence["moved"]:
        by_hold[item["metadata"].get("hold_id", item["id"])].append(item)
    for hold, booking in booked.items():
        items = by_hold.pop(hold, [])
        if booking is None:
            yield from _without_booking(hold, items)
        elif booking["status"] in ("confirmed", "cancelled"):
            cards = {entry["body"].get("payment_method") for entry in ledger.attempts[hold]}
            shown = evidence["payments"].get(booking["id"]) or []
            yield from _paid(booking, items, shown, other_cards=len(cards) - 1)
        else:
            may_be_given_back = "pending" in ledger.shown[booking["id"]]
            yield from _unpaid(booking, items, may_be_given_back)
        for entry in ledger.attempts[hold]:
            yield from _outcome_of_card(entry)
    live = evidence["live_holds"]
    for hold in by_hold.keys() - set(by_hold if live is None else live):
        yield from _without_booking(hold, by_hold[hold])


def _without_booking(hold, items):
    if kept := _kept(items):
        yield f"Hold {hold} {WITHOUT_BOOKING}, and {kept} are kept"


def _unpaid(booking, items, may_be_given_back):
    """A declined card is never charged; one that was charged too late is given its money back."""
    about = f"Booking {booking['id']} is {booking['status']}"
    if kept := _kept(items):
        yield f"{about}, and {kept} are kept"
    elif items and not may_be_given_back:
        yield f"{about}, and its card was charged and refunded"


def _paid(booking, items, shown, other_cards):
    about = f"Booking {booking['id']} is {booking['status']}"
    count = Counter(item["kind"] for item in items)
    price = (booking["total"], booking["currency"])
    wrong = [item["id"] for item in items if (item["amount"], item["currency"].upper()) != price]
    expected = _expected(booking)
    # a charge of unknown outcome is given back before another card is charged
    given_back = min(max(count["refund"] - expected["refund"], 0), other_cards)
    expected += Counter(charge=given_back, refund=given_back)
    if count != expected:
        yield f"{about} and has {count['charge']} charges and {count['refund']} refunds"
    elif wrong:
        yield f"{about} and cost {price[0]} {price[1]}; these differ: {', '.join(wrong)}"
    seen = Counter(payment["kind"] for payment in shown if payment["status"] == "succeeded")
    if not given_back and count != seen:
        yield f"{about} and its payments are not shown as the provider has them"


def _outcome_of_card(entry):
    """Only a card that the provider declines makes a booking declined, and it always does."""
    if entry["status"] != 201 or not entry["answer"]["total"]:
        return
    card = entry["body"].get("payment_method")
    status = entry["answer"]["status"]
    if (card in GOOD_CARDS and status == "declined") or (
        card in DECLINED_CARDS and status == "confirmed"
    ):
        yield f"Booking {entry['answer']['id']} was {status} with the card {card}"


def _kept(items):
    return sum(item["amount"] * (1 if item["kind"] == "charge" else -1) for item in items)


def kept_by_hold(items):
    """{hold: what is kept for it} of charges and refunds, none kept for other holds."""
    by_hold = defaultdict(list)
    for item in items:
        by_hold[item["metadata"].get("hold_id", item["id"])].append(item)
    return Counter({hold: _kept(each) for hold, each in by_hold.items()})


def _expected(booking):
    """The charges and refunds of a confirmed or cancelled booking."""
    if not booking["total"]:
        return Counter()
    return Counter(charge=1, refund=int(booking["status"] == "cancelled"))
