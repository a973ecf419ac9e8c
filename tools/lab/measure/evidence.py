"""What the audit sees of a running system: as each account, at the payment provider, in the mail,
and in the databases."""

import re
import time
import urllib.parse
from collections import Counter

import psycopg

from tools.lab.ground.http import Connections
from tools.lab.look.mail import read
from tools.lab.look.payments import moved

CONFIRMATION = re.compile(r"your booking (\S+) is confirmed")
STRANGERS_TRY = 10  # bookings
PAGE = 1000  # mails
SOLD_TWICE = """
    select seat_id from booking_seats join bookings on bookings.id = booking_id
    where status in ('pending', 'confirmed') group by seat_id having count(*) > 1"""
CLAIMED = """
    select seat_id from booking_seats join bookings on bookings.id = booking_id
    where status in ('pending', 'confirmed')"""
LIVE_HOLDS = """
    select hold_id from bookings where status in ('pending', 'confirmed', 'cancelling')"""
UNFINISHED = "select id from bookings where status in ('pending', 'cancelling')"
NOT_THERE = (
    psycopg.errors.UndefinedTable,
    psycopg.errors.UndefinedColumn,
    psycopg.errors.InsufficientPrivilege,
)


class Witness:
    """Collects evidence about the system with these settings, as the accounts of a Ledger.

    No mail is expected at the addresses unmailable, and the money of the holds_before is not looked
    at."""

    def __init__(self, ledger, settings, *, unmailable=(), holds_before=()):
        self.settings = settings
        self.events = ledger.events()
        self.unmailable = set(unmailable)
        self.holds_before = set(holds_before)
        self.cookies = {}
        self.connections = Connections(settings["BASE_URL"], timeout=60)
        self.passwords = {
            email: entries[0]["body"]["password"] for email, entries in ledger.registrations.items()
        }

    def evidence(self):
        """The dict that judge() reads; None stands for a source that is not there."""
        listed = {email: self._list(email, "/api/bookings?") for email in self.passwords}
        bookings = [(email, booking) for email, own in listed.items() for booking in own or []]
        events = self.events | {booking["event_id"] for _, booking in bookings}
        seats = [seat for event in events for seat in self._seats(event)]
        now = time.time()  # not earlier: the lists of many accounts take a while, and holds end
        return {
            "now": now,
            "unmailable": self.unmailable,
            "bookings": listed,
            "payments": {
                booking["id"]: self._list(email, f"/api/payments?booking_id={booking['id']}&")
                for email, booking in bookings
            },
            "seats": {seat["id"]: seat["status"] for seat in seats},
            "moved": self._moved(),
            "confirmations": confirmations(self.settings.get("MAIL_URL")),
            "sold_twice": rows(self.settings, SOLD_TWICE) or [],
            "claimed": rows(self.settings, CLAIMED) or [],
            "live_holds": rows(self.settings, LIVE_HOLDS),
            "unfinished": rows(self.settings, UNFINISHED) or [],
            "leaks": [
                leak
                for email, booking in bookings[:STRANGERS_TRY]
                for leak in self._leaks(email, booking["id"])
            ],
        }

    def close(self):
        self.connections.close()

    def _cookie(self, email):
        if email not in self.cookies:
            answer = self.connections.ask(
                "POST", "/api/sessions", {"email": email, "password": self.passwords[email]}
            )
            if answer.status != 201:
                return None
            self.cookies[email] = answer.cookie
        return self.cookies[email]

    def _list(self, email, path):
        """All items of a list, read page by page as an account; None if it cannot sign in."""
        cookie = self._cookie(email)
        if not cookie:
            return None
        items = []
        after = ""
        while after is not None:
            page = f"limit=100&after={urllib.parse.quote(after)}" if after else "limit=100"
            answer = self.connections.ask("GET", path + page, cookie=cookie)
            if answer.status != 200:
                # a restart may have ended the session: the next attempt signs in again
                self.cookies.pop(email)
                return None
            items += answer.json["items"]
            after = answer.json["next"]
        return items

    def _moved(self):
        items = moved(self.settings.get("STRIPE_API_BASE"))
        return items and [
            item for item in items if item["metadata"].get("hold_id") not in self.holds_before
        ]

    def _seats(self, event):
        return self.connections.ask("GET", f"/api/events/{event}/seats").json.get("items", [])

    def _leaks(self, email, booking):
        """What another account, or a visitor who is not signed in, can see or change of a
        booking."""
        stranger = next((other for other in self.cookies if other != email), None)
        requests = [
            ("GET", f"/api/bookings/{booking}"),
            ("POST", f"/api/bookings/{booking}/cancellation"),
        ]
        leaks = []
        for method, path in requests:
            for visitor in (stranger, None):
                cookie = self.cookies.get(visitor, "")
                status = self.connections.ask(method, path, cookie=cookie).status
                if status not in (401, 404):
                    leaks.append(f"{visitor or 'nobody'} got {status} for {method} {path}")
        if stranger and self._list(stranger, f"/api/payments?booking_id={booking}&"):
            leaks.append(f"{stranger} was shown payments of booking {booking}")
        return leaks


def confirmations(url):
    """{(address, booking id): number of mails that confirm the booking}; None without a mail
    catcher."""
    if not url:
        return None
    found = Counter()
    start = 0
    while mails := read(url, f"/api/v1/messages?limit={PAGE}&start={start}")["messages"]:
        start += len(mails)
        found.update(
            (mail["To"][0]["Address"], booking)
            for mail in mails
            for booking in CONFIRMATION.findall(mail["Snippet"])
        )
    return found


def rows(settings, sql):
    """The first column of a query's rows, over all databases that have its tables; None if no
    database has them."""
    urls = {url for name, url in settings.items() if name.endswith("DATABASE_URL") and url}
    found = None
    for url in urls:
        with psycopg.connect(url, autocommit=True) as connection:
            try:
                found = (found or []) + [row[0] for row in connection.execute(sql)]
            except NOT_THERE:
                continue
    return found
