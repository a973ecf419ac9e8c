"""A customer who tries every journey at the same time, while something is broken."""

import secrets
import time
from concurrent.futures import ThreadPoolExecutor

from tools.lab.ground.waiting import eventually
from tools.lab.measure.outcomes import outcome

LATER_WITHIN = 60.0  # seconds in which a mail may come
CAUSES = {"welcome mail": "register", "confirmation mail": "book"}
DONE = (200, 201, 202)


class Visit:
    """A customer with a hold and a booking from before, who then tries each journey."""

    def __init__(self, running):
        self.running = running
        self.fan = running.sign_in("fan@encore.example")
        self.email = f"{secrets.token_hex(6)}@encore.example"
        self.event, free = next(
            found
            for found in map(self.free, self.ask("GET", "/api/events").json["items"])
            if len(found[1]) > 2
        )
        # others buy the first seats and the last ones meanwhile
        middle = len(free) // 2
        held, booked, self.seat = free[middle - 1 : middle + 2]
        self.held, other = (self.hold(seat).json["id"] for seat in (held, booked))
        self.booked = self.book(other).json["id"]
        path = f"/api/bookings/{self.booked}"
        eventually(lambda: self.ask("GET", path).json["status"] == "confirmed")
        self.booking = None
        self.threads = ThreadPoolExecutor(len(self.journeys()) + len(CAUSES))
        self.tried = {}
        self.refusals = {}  # {journey: the answer, if it failed}

    def ask(self, *arguments, **more):
        return self.fan.request(*arguments, **more)

    def free(self, event):
        return event["id"], [
            seat["id"]
            for seat in self.ask("GET", f"/api/events/{event['id']}/seats").json["items"]
            if seat["status"] == "free"
        ]

    def hold(self, seat):
        return self.ask("POST", f"/api/events/{self.event}/holds", json={"seats": [seat]})

    def book(self, hold):
        order = {"hold_id": hold, "payment_method": "pm_card_visa"}
        return self.ask("POST", "/api/bookings", json=order)

    def journeys(self):
        """{name: a function that tries it and returns the answer}"""
        password = self.running.system.to_run()["FAN_PASSWORD"]
        account = {"email": self.email, "password": "correct horse", "name": "Ada"}
        known = {"email": "fan@encore.example", "password": password}
        of_booking = f"/api/bookings/{self.booked}"
        return {
            "browse": lambda: self.ask("GET", "/api/events"),
            "seats": lambda: self.ask("GET", f"/api/events/{self.event}/seats"),
            "register": lambda: self.post("/api/accounts", account),
            "sign in": lambda: self.post("/api/sessions", known),
            "hold": lambda: self.hold(self.seat),
            "book": self.buy,
            "cancel": lambda: self.ask("POST", f"{of_booking}/cancellation"),
            "my bookings": lambda: self.ask("GET", "/api/bookings"),
            "my payments": lambda: self.ask("GET", f"/api/payments?booking_id={self.booked}"),
            "recommendations": lambda: self.ask("GET", "/api/recommendations"),
        }

    def post(self, path, body):
        return self.running.client().request("POST", path, json=body)

    def buy(self):
        answer = self.book(self.held)
        self.booking = answer.json.get("id")
        return answer

    def mailed(self, which):
        """Whether this mail has arrived: the welcome mail, or the one of the last booking."""
        if which == "welcome mail":
            return self.running.mails(to=self.email)
        mails = self.running.mails(to="fan@encore.example")
        return any(self.booking in mail["text"] for mail in mails)

    def begin(self):
        """Try every journey now, all at once."""
        for name, journey in self.journeys().items():
            self.tried[name] = self.threads.submit(self._when_done, name, journey)
        for mail, cause in CAUSES.items():
            self.tried[mail] = self.threads.submit(self._when_mailed, mail, self.tried[cause])

    def _when_done(self, name, journey):
        """When a journey succeeded, in seconds of the clock; None if it failed."""
        answer = journey()
        if answer.status in DONE:
            return time.monotonic()
        self.refusals[name] = outcome(answer)
        return None

    def _when_mailed(self, mail, cause):
        """When a mail was there, in seconds of the clock; None if its cause failed or it is
        lost."""
        if cause.result() is None:
            return None
        try:
            eventually(lambda: self.mailed(mail), within=LATER_WITHIN)
        except AssertionError:
            return None
        return time.monotonic()

    def found(self, over):
        """{journey: works, later or fails}: works if it succeeded before the fault was over, later
        if it did so afterwards. Waits until all have ended."""
        ended = {name: tried.result() for name, tried in self.tried.items()}
        self.threads.shutdown()
        return {
            name: "fails" if at is None else "works" if at <= over else "later"
            for name, at in ended.items()
        }
