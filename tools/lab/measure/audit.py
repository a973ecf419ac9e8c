"""Whether the five invariants hold for all that a ledger says was asked for and acknowledged.

A ledger is a list of {operation, email, path, asked, status, answer}: what an account asked with
which body, and what came back; status is None where nobody answered. The operations are register,
hold, book, poll and cancel."""

import re
import time
import urllib.parse
from collections import Counter, defaultdict

import psycopg

from tools.lab.ground.http import Connections
from tools.lab.look.mail import read
from tools.lab.look.payments import moved

INVARIANTS = SEATS, LOST, MONEY, MAIL, STRANGERS = (
    "A seat is sold once",
    "What was acknowledged is never lost",
    "No one pays twice, and no one pays for nothing",
    "Mail follows facts",
    "A stranger sees nothing",
)
FINAL = ("confirmed", "declined", "cancelled")
CONFIRMATION = re.compile(r"your booking (\S+) is confirmed")
STRANGERS_TRY = 10  # bookings
PAGE = 1000
SOLD_TWICE = """
    select seat_id from booking_seats join bookings on bookings.id = booking_id
    where status in ('pending', 'confirmed') group by seat_id having count(*) > 1"""
LIVE_HOLDS = "select hold_id from bookings where status in ('pending', 'confirmed')"
NOT_THERE = (
    psycopg.errors.UndefinedTable,
    psycopg.errors.UndefinedColumn,
    psycopg.errors.InsufficientPrivilege,
)


def audit(ledger, running, *, within=0.0):
    """{invariant: [what breaks it, in words]}; looked at again for so many seconds while something
    does. running is what System.to_run() tells."""
    look, deadline = Look(ledger, running), time.monotonic() + within
    while True:
        broken = judge(ledger, look.facts())
        look.connections.close()
        if not any(broken.values()) or time.monotonic() >= deadline:
            return broken
        time.sleep(0.2)


# Looking


class Look:
    """Sees the system as each account of the ledger, as the payment provider, in the mail, and in
    the databases."""

    def __init__(self, ledger, running):
        self.running = running
        self.cookies = {}
        self.connections = Connections(running["BASE_URL"], timeout=60)
        self.passwords = {
            each["asked"]["email"]: each["asked"]["password"]
            for each in ledger
            if each["operation"] == "register"
        }

    def facts(self):
        """What judge() wants to know; None for what cannot be looked at."""
        own = {email: self._listed(email, "/api/bookings?") for email in self.passwords}
        bookings = [(email, booking) for email, listed in own.items() for booking in listed or []]
        return {
            "bookings": own,
            "payments": {
                booking["id"]: self._listed(email, f"/api/payments?booking_id={booking['id']}&")
                for email, booking in bookings
            },
            "seats": {
                seat["id"]: seat["status"]
                for event in {booking["event_id"] for _, booking in bookings}
                for seat in self._seats(event)
            },
            "moved": moved(self.running.get("STRIPE_API_BASE")),
            "confirmations": confirmations(self.running.get("MAIL_URL")),
            "sold_twice": rows(self.running, SOLD_TWICE) or [],
            "live_holds": rows(self.running, LIVE_HOLDS),
            "seen": [
                seen
                for email, booking in bookings[:STRANGERS_TRY]
                for seen in self._seen_by_a_stranger(email, booking["id"])
            ],
        }

    def _cookie(self, email):
        if email not in self.cookies:
            answer = self.connections.ask(
                "POST", "/api/sessions", {"email": email, "password": self.passwords[email]}
            )
            if answer.status != 201:
                return None
            self.cookies[email] = answer.cookie
        return self.cookies[email]

    def _listed(self, email, path):
        """Everything that an account is shown in a list; None if it is not let in."""
        cookie, items, after = self._cookie(email), [], ""
        while cookie and after is not None:
            answer = self.connections.ask(
                "GET",
                f"{path}limit=100{after and f'&after={urllib.parse.quote(after)}'}",
                cookie=cookie,
            )
            if answer.status != 200:
                # signed out by a restart, perhaps: the next look signs in again
                self.cookies.pop(email)
                return None
            items, after = items + answer.json["items"], answer.json["next"]
        return items if cookie else None

    def _seats(self, event):
        return self.connections.ask("GET", f"/api/events/{event}/seats").json.get("items", [])

    def _seen_by_a_stranger(self, email, booking):
        """What another account gets to see or change of a booking that is not its own, and somebody
        who is not signed in."""
        stranger = next((other for other in self.cookies if other != email), None)
        asked = [
            ("GET", f"/api/bookings/{booking}"),
            ("POST", f"/api/bookings/{booking}/cancellation"),
        ]
        statuses = {
            (method, path, who): self.connections.ask(
                method, path, cookie=self.cookies.get(who, "")
            ).status
            for method, path in asked
            for who in (stranger, None)
        }
        seen = [
            f"{who or 'nobody'} got {status} for {method} {path}"
            for (method, path, who), status in statuses.items()
            if status not in (401, 404)
        ]
        if stranger and self._listed(stranger, f"/api/payments?booking_id={booking}&"):
            seen.append(f"{stranger} was shown payments of booking {booking}")
        return seen


def confirmations(url):
    """{(address, booking id)} of each mail that confirms a booking; None where nobody knows what
    was sent."""
    found, start, mails = set(), 0, [None]
    while url and mails:
        mails = read(url, f"/api/v1/messages?limit={PAGE}&start={start}")["messages"]
        start += len(mails)
        for mail in mails:
            found |= {
                (mail["To"][0]["Address"], booking)
                for booking in CONFIRMATION.findall(mail["Snippet"])
            }
    return found if url else None


def rows(running, sql):
    """The first column of what a query finds in all databases that have its tables; None if none
    has."""
    found = None
    for url in {
        value for name, value in running.items() if name.endswith("DATABASE_URL") and value
    }:
        with psycopg.connect(url, autocommit=True) as connection:
            try:
                found = (found or []) + [row[0] for row in connection.execute(sql)]
            except NOT_THERE:
                continue
    return found


# Judging


def judge(ledger, facts):
    """{invariant: [what breaks it, in words]} of a ledger and of what Look saw."""
    bookings = {
        booking["id"]: booking for listed in facts["bookings"].values() for booking in listed or []
    }
    booked = booking_of_each_hold(ledger, facts["bookings"], bookings)
    return {
        SEATS: list(_seats(facts, bookings)),
        LOST: list(_lost(ledger, facts, bookings, booked)),
        MONEY: list(_money(facts, booked)) if facts["moved"] is not None else [],
        MAIL: list(_mail(facts, bookings)) if facts["confirmations"] is not None else [],
        STRANGERS: list(_strangers(facts)),
    }


def booking_of_each_hold(ledger, own, bookings):
    """{hold id: booking or None} of each hold that somebody tried to book; where no answer came,
    the booking is known by its seats."""
    seats = {
        each["answer"]["id"]: each["answer"]["seats"]
        for each in ledger
        if each["operation"] == "hold" and each["status"] == 201
    }
    tries = [each for each in ledger if each["operation"] == "book"]
    booked = {
        each["asked"]["hold_id"]: bookings.get(each["answer"]["id"])
        for each in tries
        if each["status"] == 201
    }
    for each in tries:
        if (hold := each["asked"]["hold_id"]) not in booked:
            known = {booking["id"] for booking in booked.values() if booking}
            fits = [
                booking
                for booking in own.get(each["email"]) or []
                if booking["id"] not in known
                and sorted(booking["seats"]) == sorted(seats.get(hold, []))
            ]
            booked[hold] = fits[0] if fits else None
    return booked


def _seats(facts, bookings):
    live = [
        booking for booking in bookings.values() if booking["status"] in ("pending", "confirmed")
    ]
    owners = defaultdict(list)
    for booking in live:
        for seat in booking["seats"]:
            owners[seat].append(booking["id"])
            if booking["status"] == "confirmed" and facts["seats"].get(seat) != "sold":
                yield (
                    f"Seat {seat} of the confirmed booking {booking['id']} is shown as "
                    f"{facts['seats'].get(seat, 'absent')}"
                )
    for seat in sorted(
        {seat for seat, ids in owners.items() if len(ids) > 1} | set(facts["sold_twice"])
    ):
        yield f"Seat {seat} is sold more than once: {', '.join(owners[seat]) or 'in the database'}"


def _lost(ledger, facts, bookings, booked):
    said, cancelled = defaultdict(set), defaultdict(set)
    for each in ledger:
        acknowledged = each["status"] in (200, 201, 202)
        if (
            each["operation"] == "register"
            and acknowledged
            and facts["bookings"].get(each["asked"]["email"]) is None
        ):
            yield (
                f"Account {each['asked']['email']} was made, and cannot sign in and see its "
                "bookings"
            )
        if each["operation"] == "cancel":
            cancelled[each["path"].split("/")[3]].add(acknowledged)
        if each["operation"] in ("book", "poll") and acknowledged:
            said[each["answer"]["id"]].add(each["answer"]["status"])
        if each["operation"] == "book" and acknowledged:
            yield from _changed(each["answer"], bookings.get(each["answer"]["id"]))
    for id, booking in bookings.items():
        status = booking["status"]
        if status not in FINAL:
            yield f"Booking {id} is still {status}"
        elif True in cancelled[id] and status != "cancelled":
            yield f"Booking {id} is {status}, though its cancellation was acknowledged"
        elif status == "cancelled" and not cancelled[id]:
            yield f"Booking {id} was cancelled by nobody"
        elif {"confirmed", "declined"} & said[id] - {
            status,
            "confirmed" if status == "cancelled" else status,
        }:
            yield f"Booking {id} was {' and '.join(sorted(said[id]))}, and is {status} now"
    for id in bookings.keys() - {booking["id"] for booking in booked.values() if booking}:
        yield f"Booking {id} was asked for by nobody"


def _changed(acknowledged, booking):
    if booking is None:
        yield (
            f"Booking {acknowledged['id']} was acknowledged as {acknowledged['status']}, and "
            "is gone"
        )
    elif (
        what := [
            name
            for name in ("event_id", "total", "currency")
            if booking[name] != acknowledged[name]
        ]
    ) or set(booking["seats"]) != set(acknowledged["seats"]):
        yield (
            f"Booking {booking['id']} is not what was acknowledged: "
            f"{', '.join(what) or 'seats'} differ"
        )


def _money(facts, booked):
    """Per booking at the provider; and no money kept for a hold that has no booking."""
    by_hold = defaultdict(list)
    for item in facts["moved"]:
        by_hold[item["metadata"].get("hold_id", item["id"])].append(item)
    for hold, booking in booked.items():
        yield from _of_hold(hold, booking, by_hold.pop(hold, []), facts["payments"])
    for hold in by_hold.keys() - set(
        facts["live_holds"] if facts["live_holds"] is not None else by_hold
    ):
        yield from _of_hold(hold, None, by_hold[hold], {})


def _of_hold(hold, booking, items, payments):
    count = Counter(item["kind"] for item in items)
    kept = sum(item["amount"] if item["kind"] == "charge" else -item["amount"] for item in items)
    if booking is None or booking["status"] not in ("confirmed", "cancelled"):
        if kept:
            yield f"Hold {hold} has no booking that is paid for, and {kept} are kept"
        return
    about = f"Booking {booking['id']} is {booking['status']}"
    wanted = (
        Counter(charge=1, refund=int(booking["status"] == "cancelled"))
        if booking["total"]
        else Counter()
    )
    if count != wanted:
        yield f"{about} and has {count['charge']} charges and {count['refund']} refunds"
    elif wrong := [
        item["id"]
        for item in items
        if (item["amount"], item["currency"].upper()) != (booking["total"], booking["currency"])
    ]:
        yield (
            f"{about} and cost {booking['total']} {booking['currency']}, which "
            f"{', '.join(wrong)} differ from"
        )
    if count != Counter(
        payment["kind"]
        for payment in payments.get(booking["id"]) or []
        if payment["status"] == "succeeded"
    ):
        yield f"{about} and its payments are not shown as the provider has them"


def _mail(facts, bookings):
    for email, listed in facts["bookings"].items():
        for booking in listed or []:
            if (
                booking["status"] == "confirmed"
                and (email, booking["id"]) not in facts["confirmations"]
            ):
                yield f"Booking {booking['id']} is confirmed, and no mail says so"
    for email, id in sorted(facts["confirmations"]):
        status = bookings[id]["status"] if id in bookings else "not there"
        if email in facts["bookings"] and status not in ("confirmed", "cancelled"):
            yield f"A mail to {email} says that booking {id} is confirmed, which is {status}"


def _strangers(facts):
    yield from facts["seen"]
    shown = Counter(
        booking["id"] for listed in facts["bookings"].values() for booking in listed or []
    )
    for id in sorted(id for id, count in shown.items() if count > 1):
        yield f"Booking {id} is in the lists of more than one account"
