"""A ledger of requests and answers, by what they were about.

A ledger is a list of {operation, email, path, body, status, answer, at}: the request of an account
and its answer; status is None if there was no answer, at is when it came (seconds since 1970). The
operations are register, hold, book, poll and cancel."""

from collections import defaultdict
from datetime import datetime
from math import inf

ACKNOWLEDGED = (200, 201, 202)
UNKNOWN = (None, 500, 502, 504)  # nobody can know whether it was done; any other status says so


class Ledger:
    """The entries of a ledger: attempts and cancellations are {id: [entry, ...]} of a hold and of a
    booking, registrations of an address; holds are {id: entry} of those that were acknowledged."""

    def __init__(self, entries):
        self.entries = entries
        self.holds = {}
        self.hold_requests = []
        self.attempts = defaultdict(list)
        self.cancellations = defaultdict(list)
        self.registrations = defaultdict(list)
        self.shown = defaultdict(set)  # the statuses of each booking that a customer was shown
        for entry in entries:
            getattr(self, f"_{entry['operation']}")(entry)

    def _register(self, entry):
        self.registrations[entry["body"]["email"]].append(entry)

    def _hold(self, entry):
        self.hold_requests.append(entry)
        if entry["status"] == 201:
            self.holds[entry["answer"]["id"]] = entry

    def _book(self, entry):
        self.attempts[entry["body"]["hold_id"]].append(entry)
        self._poll(entry)

    def _poll(self, entry):
        if entry["status"] in ACKNOWLEDGED:
            self.shown[entry["answer"]["id"]].add(entry["answer"]["status"])

    def _cancel(self, entry):
        self.cancellations[entry["path"].split("/")[3]].append(entry)

    def events(self):
        """The events of all holds that were requested."""
        return {entry["path"].split("/")[3] for entry in self.hold_requests}

    def acknowledged_bookings(self):
        """{booking id: entry}"""
        return {
            entry["answer"]["id"]: entry
            for attempts in self.attempts.values()
            for entry in attempts
            if entry["status"] == 201
        }

    def bookings_of_holds(self, listed):
        """{hold id: booking or None} of each hold with a booking request. listed are the bookings
        of each account; if no request was acknowledged, the booking is found by its seats."""
        by_id = {each["id"]: each for own in listed.values() for each in own or []}
        booked = {}
        for hold, attempts in self.attempts.items():
            acknowledged = [each for each in attempts if each["status"] == 201]
            if acknowledged:
                booked[hold] = by_id.get(acknowledged[-1]["answer"]["id"])
        known = set(self.acknowledged_bookings())
        # rather than to a refused request, a booking belongs to one whose outcome is unknown
        for hold in sorted(self.attempts.keys() - booked.keys(), key=self.is_refused):
            own = listed.get(self.attempts[hold][0]["email"]) or []
            booked[hold] = _with_seats(own, self.seats_of(hold), known)
            known |= {booked[hold]["id"]} if booked[hold] else set()
        return booked

    def seats_of(self, hold):
        return self.holds[hold]["answer"]["seats"] if hold in self.holds else []

    def is_refused(self, hold):
        """Whether every attempt to book it was answered with a refusal, so that nothing was
        done."""
        return all(is_refusal(entry) for entry in self.attempts[hold])


def _with_seats(bookings, seats, known):
    """The first booking of these seats that is not known yet, or None."""
    for booking in bookings:
        if booking["id"] not in known and sorted(booking["seats"]) == sorted(seats):
            return booking
    return None


def is_refusal(entry):
    """Whether the answer says that nothing was done."""
    return entry["status"] not in (*ACKNOWLEDGED, *UNKNOWN)


def answered(entry):
    """The answer of a ledger's line in words."""
    return f"{entry['status']} {entry['answer'].get('type', '')}".strip()


def expires(hold):
    """When an acknowledged hold ends, in seconds since 1970."""
    text = hold["answer"].get("expires_at")
    return datetime.fromisoformat(text).timestamp() if text else inf
