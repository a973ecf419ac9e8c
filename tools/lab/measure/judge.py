"""Judges what the audit sees of a system by the ledger of what its clients were answered."""

from collections import defaultdict

from tools.lab.measure.judge_money import money
from tools.lab.measure.ledger import ACKNOWLEDGED, UNKNOWN, answered, expires, is_refusal

PROMISES = SEATS, LOST, MONEY, MAIL, STRANGERS = (
    "A seat is sold once",
    "An acknowledged change is never lost",
    "No one pays twice, and no one pays for nothing",
    "A confirmed booking gets a mail, and no other booking does",
    "A stranger sees nothing",
)
PROOF = "The audit has seen bookings"  # without any, the promises are kept by doing nothing
FINAL = ("confirmed", "declined", "cancelled")
UNFINISHED = "is still"
ENDS_SOON = 5.0  # seconds before and after the end of a hold in which its seats may be free or not


def judge(ledger, evidence):
    """{promise: [violation, ...]} of a Ledger and of what Witness.evidence() returned."""
    bookings = {
        booking["id"]: booking
        for listed in evidence["bookings"].values()
        for booking in listed or []
    }
    booked = ledger.bookings_of_holds(evidence["bookings"])
    knows_money = evidence["moved"] is not None
    knows_mail = evidence["confirmations"] is not None
    return {
        SEATS: [*_seats(evidence, bookings), *_taken(ledger, evidence, bookings, booked)],
        LOST: [
            *_lost_accounts(ledger, evidence),
            *_lost_holds(ledger, evidence, booked),
            *_lost_bookings(ledger, bookings, booked, set(evidence["unfinished"])),
        ],
        MONEY: list(money(ledger, evidence, booked)) if knows_money else [],
        MAIL: list(_mail(evidence, bookings)) if knows_mail else [],
        STRANGERS: list(_strangers(evidence)),
        PROOF: list(_proof(ledger, bookings)),
    }


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


def _taken(ledger, evidence, bookings, booked):
    """Seats that somebody requested, and that nobody has though they are shown as taken."""
    live = [each for each in bookings.values() if each["status"] not in ("declined", "cancelled")]
    owned = {seat for booking in live for seat in booking["seats"]} | set(evidence["claimed"])
    held = {
        seat
        for entry in ledger.hold_requests
        if entry["status"] in UNKNOWN
        or entry["status"] == 201
        and _may_hold(entry, booked, evidence["now"])
        for seat in entry["body"]["seats"]
    }
    requested = {seat for entry in ledger.hold_requests for seat in entry["body"]["seats"]}
    for seat in sorted(requested - owned):
        shown = evidence["seats"].get(seat)
        if shown == "sold" or shown == "held" and seat not in held:
            yield f"Seat {seat} is shown as {shown}, and nobody has it"


def _may_hold(hold, booked, now):
    """Whether an acknowledged hold may still have its seats."""
    booking = booked.get(hold["answer"]["id"])
    is_finished = booking is not None and booking["status"] in FINAL
    return not is_finished and expires(hold) > now - ENDS_SOON


def _lost_accounts(ledger, evidence):
    for email, entries in ledger.registrations.items():
        is_there = evidence["bookings"].get(email) is not None
        if any(entry["status"] in ACKNOWLEDGED for entry in entries) and not is_there:
            yield f"Account {email} was created, and cannot sign in and see its bookings"
        if all(map(is_refusal, entries)) and is_there:
            yield f"Account {email} is there, and was refused with {answered(entries[-1])}"


def _lost_holds(ledger, evidence, booked):
    for id, hold in ledger.holds.items():
        attempts = ledger.attempts.get(id, [])
        if booked.get(id) or any(entry["status"] == 201 for entry in attempts):
            continue
        for entry in attempts:
            type = entry["answer"].get("type")
            is_early = (entry.get("at") or 0) < expires(hold) - ENDS_SOON
            if is_early and (entry["status"] == 404 or type == "hold-expired"):
                yield f"Hold {id} had not ended, and booking it was answered {answered(entry)}"
            elif type == "hold-used":
                yield f"Hold {id} has no booking, and booking it was answered {answered(entry)}"
        if expires(hold) < evidence["now"] + ENDS_SOON:
            continue
        for seat in hold["answer"]["seats"]:
            shown = evidence["seats"].get(seat, "absent")
            if shown != "held":
                yield f"Hold {id} was acknowledged, and its seat {seat} is shown as {shown}"


def _lost_bookings(ledger, bookings, booked, unfinished):
    for id, entry in ledger.acknowledged_bookings().items():
        yield from _changed(entry["answer"], bookings.get(id))
    for hold, booking in booked.items():
        if booking and ledger.is_refused(hold):
            refusal = answered(ledger.attempts[hold][-1])
            yield f"Booking {booking['id']} is there, and was refused with {refusal}"
    for id, booking in bookings.items():
        yield from _wrong_status(
            id, booking["status"], ledger.shown[id], ledger.cancellations.get(id, [])
        )
    for id in sorted(unfinished - bookings.keys()):
        yield f"Booking {id} of somebody else {UNFINISHED} pending or being cancelled"
    for id in bookings.keys() - {booking["id"] for booking in booked.values() if booking}:
        yield f"Booking {id} was requested by nobody"


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


def _wrong_status(id, status, shown, cancellations):
    """shown are the statuses that a customer was shown; cancellations are the requests for it."""
    possible = {status, "confirmed"} if status == "cancelled" else {status}
    is_acknowledged = any(entry["status"] in ACKNOWLEDGED for entry in cancellations)
    if status not in FINAL:
        yield f"Booking {id} {UNFINISHED} {status}"
    elif is_acknowledged and status != "cancelled":
        yield f"Booking {id} is {status}, though its cancellation was acknowledged"
    elif status == "cancelled" and not cancellations:
        yield f"Booking {id} was cancelled by nobody"
    elif status == "cancelled" and all(map(is_refusal, cancellations)):
        yield f"Booking {id} is cancelled, and that was refused with {answered(cancellations[-1])}"
    elif {"confirmed", "declined"} & shown - possible:
        yield f"Booking {id} was {' and '.join(sorted(shown))}, and is {status} now"


def _mail(evidence, bookings):
    for email, listed in evidence["bookings"].items():
        for booking in listed or []:
            is_mailed = evidence["confirmations"][email, booking["id"]] or (
                email in evidence["unmailable"]
            )
            if booking["status"] == "confirmed" and not is_mailed:
                yield f"Booking {booking['id']} is confirmed, and no mail confirms it"
    for email, id in sorted(evidence["confirmations"]):
        status = bookings[id]["status"] if id in bookings else "not there"
        if email in evidence["bookings"] and status not in ("confirmed", "cancelled"):
            yield f"A mail to {email} confirms booking {id}, which is {status}"


def _strangers(evidence):
    yield from evidence["leaks"]
    owners = defaultdict(list)
    for email, listed in evidence["bookings"].items():
        for booking in listed or []:
            owners[booking["id"]].append(email)
    for id, emails in sorted(owners.items()):
        if len(emails) > 1:
            yield f"Booking {id} is in the lists of more than one account"
    for email, id in sorted(evidence["confirmations"] or ()):
        if id in owners and email not in owners[id]:
            yield f"A mail to {email} confirms booking {id}, which belongs to {owners[id][0]}"


def _proof(ledger, bookings):
    acknowledged = ledger.acknowledged_bookings().keys() & bookings.keys()
    if not any(bookings[id]["status"] in ("confirmed", "cancelled") for id in acknowledged):
        requests = sum(map(len, ledger.attempts.values()))
        yield f"Of {requests} requests to book none was acknowledged and is confirmed or cancelled"
