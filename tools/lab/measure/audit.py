"""Checks the five promises against a ledger of requests and answers.

A ledger is a list of {operation, email, path, body, status, answer}: the request of an account and
its answer; status is None if there was no answer. The operations are register, hold, book, poll and
cancel."""

import time
from collections import Counter, defaultdict

from tools.lab.measure.evidence import Witness

PROMISES = SEATS, LOST, MONEY, MAIL, STRANGERS = (
    "A seat is sold once",
    "An acknowledged change is never lost",
    "No one pays twice, and no one pays for nothing",
    "A confirmed booking gets a mail, and no other booking does",
    "A stranger sees nothing",
)
FINAL = ("confirmed", "declined", "cancelled")
ACKNOWLEDGED = (200, 201, 202)


def audit(ledger, settings, *, within=0.0):
    """{promise: [violation, ...]} of the system with these settings; while there are violations, it
    looks again, for up to within seconds."""
    witness = Witness(ledger, settings)
    deadline = time.monotonic() + within
    while True:
        violations = judge(ledger, witness.evidence())
        witness.close()
        if not any(violations.values()) or time.monotonic() >= deadline:
            return violations
        time.sleep(0.2)


def judge(ledger, evidence):
    """{promise: [violation, ...]} of a ledger and of what Witness.evidence() returned."""
    bookings = {
        booking["id"]: booking
        for listed in evidence["bookings"].values()
        for booking in listed or []
    }
    booked = booking_of_each_hold(ledger, evidence["bookings"], bookings)
    knows_money = evidence["moved"] is not None
    knows_mail = evidence["confirmations"] is not None
    return {
        SEATS: list(_seats(evidence, bookings)),
        LOST: list(_lost(ledger, evidence, bookings, booked)),
        MONEY: list(_money(evidence, booked)) if knows_money else [],
        MAIL: list(_mail(evidence, bookings)) if knows_mail else [],
        STRANGERS: list(_strangers(evidence)),
    }


def booking_of_each_hold(ledger, listed, bookings):
    """{hold id: booking or None} of each hold with a booking request; if a request had no answer,
    its booking is found by the seats."""
    seats = {
        entry["answer"]["id"]: entry["answer"]["seats"]
        for entry in ledger
        if entry["operation"] == "hold" and entry["status"] == 201
    }
    attempts = [entry for entry in ledger if entry["operation"] == "book"]
    booked = {
        entry["body"]["hold_id"]: bookings.get(entry["answer"]["id"])
        for entry in attempts
        if entry["status"] == 201
    }
    for entry in attempts:
        hold = entry["body"]["hold_id"]
        if hold not in booked:
            known = {booking["id"] for booking in booked.values() if booking}
            own = listed.get(entry["email"]) or []
            booked[hold] = _with_seats(own, seats.get(hold, []), known)
    return booked


def _with_seats(bookings, seats, known):
    """The first booking of these seats that is not known yet, or None."""
    for booking in bookings:
        if booking["id"] not in known and sorted(booking["seats"]) == sorted(seats):
            return booking
    return None


def _seats(evidence, bookings):
    owners = defaultdict(list)
    for booking in bookings.values():
        if booking["status"] not in ("pending", "confirmed"):
            continue
        for seat in booking["seats"]:
            owners[seat].append(booking["id"])
            shown = evidence["seats"].get(seat, "absent")
            if booking["status"] == "confirmed" and shown != "sold":
                yield f"Seat {seat} of the confirmed booking {booking['id']} is shown as {shown}"
    double = {seat for seat, ids in owners.items() if len(ids) > 1}
    for seat in sorted(double | set(evidence["sold_twice"])):
        yield f"Seat {seat} is sold more than once: {', '.join(owners[seat]) or 'in the database'}"


def _lost(ledger, evidence, bookings, booked):
    statuses = defaultdict(set)  # that were acknowledged, of each booking
    cancelled = defaultdict(set)  # whether each cancellation of a booking was acknowledged
    for entry in ledger:
        acknowledged = entry["status"] in ACKNOWLEDGED
        answer = entry["answer"]
        if entry["operation"] == "cancel":
            cancelled[entry["path"].split("/")[3]].add(acknowledged)
        if not acknowledged:
            continue
        if entry["operation"] == "register":
            yield from _lost_account(entry["body"]["email"], evidence)
        if entry["operation"] in ("book", "poll"):
            statuses[answer["id"]].add(answer["status"])
        if entry["operation"] == "book":
            yield from _changed(answer, bookings.get(answer["id"]))
    for id, booking in bookings.items():
        yield from _wrong_status(id, booking["status"], statuses[id], cancelled[id])
    for id in bookings.keys() - {booking["id"] for booking in booked.values() if booking}:
        yield f"Booking {id} was requested by nobody"


def _lost_account(email, evidence):
    if evidence["bookings"].get(email) is None:
        yield f"Account {email} was created, and cannot sign in and see its bookings"


def _changed(acknowledged, booking):
    id = acknowledged["id"]
    if booking is None:
        yield f"Booking {id} was acknowledged as {acknowledged['status']}, and is gone"
        return
    fields = ("event_id", "total", "currency")
    different = [name for name in fields if booking[name] != acknowledged[name]]
    if set(booking["seats"]) != set(acknowledged["seats"]):
        different.append("seats")
    if different:
        yield f"Booking {id} differs from its acknowledgement: {', '.join(different)}"


def _wrong_status(id, status, acknowledged, cancelled):
    """acknowledged are the statuses that a customer was shown; cancelled says for each cancellation
    whether it was acknowledged."""
    possible = {status, "confirmed"} if status == "cancelled" else {status}
    if status not in FINAL:
        yield f"Booking {id} is still {status}"
    elif True in cancelled and status != "cancelled":
        yield f"Booking {id} is {status}, though its cancellation was acknowledged"
    elif status == "cancelled" and not cancelled:
        yield f"Booking {id} was cancelled by nobody"
    elif {"confirmed", "declined"} & acknowledged - possible:
        yield f"Booking {id} was {' and '.join(sorted(acknowledged))}, and is {status} now"


def _money(evidence, booked):
    """Per booking at the provider; and no money kept for a hold that has no booking."""
    by_hold = defaultdict(list)
    for item in evidence["moved"]:
        by_hold[item["metadata"].get("hold_id", item["id"])].append(item)
    for hold, booking in booked.items():
        yield from _of_hold(hold, booking, by_hold.pop(hold, []), evidence["payments"])
    live = evidence["live_holds"]
    for hold in by_hold.keys() - set(by_hold if live is None else live):
        yield from _of_hold(hold, None, by_hold[hold], {})


def _of_hold(hold, booking, items, payments):
    if booking is None or booking["status"] not in ("confirmed", "cancelled"):
        signed = [item["amount"] * (1 if item["kind"] == "charge" else -1) for item in items]
        if kept := sum(signed):
            yield f"Hold {hold} has no paid booking, and {kept} are kept"
        return
    about = f"Booking {booking['id']} is {booking['status']}"
    count = Counter(item["kind"] for item in items)
    price = (booking["total"], booking["currency"])
    wrong = [item["id"] for item in items if (item["amount"], item["currency"].upper()) != price]
    if count != _expected(booking):
        yield f"{about} and has {count['charge']} charges and {count['refund']} refunds"
    elif wrong:
        yield f"{about} and cost {price[0]} {price[1]}; these differ: {', '.join(wrong)}"
    shown = Counter(
        payment["kind"]
        for payment in payments.get(booking["id"]) or []
        if payment["status"] == "succeeded"
    )
    if count != shown:
        yield f"{about} and its payments are not shown as the provider has them"


def _expected(booking):
    """The charges and refunds of a confirmed or cancelled booking."""
    if not booking["total"]:
        return Counter()
    return Counter(charge=1, refund=int(booking["status"] == "cancelled"))


def _mail(evidence, bookings):
    for email, listed in evidence["bookings"].items():
        for booking in listed or []:
            is_mailed = (email, booking["id"]) in evidence["confirmations"]
            if booking["status"] == "confirmed" and not is_mailed:
                yield f"Booking {booking['id']} is confirmed, and no mail confirms it"
    for email, id in sorted(evidence["confirmations"]):
        status = bookings[id]["status"] if id in bookings else "not there"
        if email in evidence["bookings"] and status not in ("confirmed", "cancelled"):
            yield f"A mail to {email} confirms booking {id}, which is {status}"


def _strangers(evidence):
    yield from evidence["leaks"]
    shown = Counter(
        booking["id"] for listed in evidence["bookings"].values() for booking in listed or []
    )
    for id in sorted(id for id, count in shown.items() if count > 1):
        yield f"Booking {id} is in the lists of more than one account"
