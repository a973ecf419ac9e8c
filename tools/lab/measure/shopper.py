"""Requests that are timed one after the other, over a kept connection."""

import time

from tools.lab.ground.http import KEPT, Client
from tools.lab.ground.waiting import eventually

ROUND_SECONDS = 0.5


class Connection(Client):
    """One kept connection, with a cookie once signed in; an unexpected status raises."""

    def __init__(self, url):
        super().__init__(url, kept=KEPT)

    def ask(self, method, path, body=None, expect=(200, 201)):
        answer = self.request(method, path, body)
        if answer.status not in expect:
            raise RuntimeError(f"{method} {path}: {answer.status} {answer.text[:200]}")
        return answer.json

    def sign_in(self, password):
        """Sign in as the customer of the sample data."""
        self.ask("POST", "/api/sessions", {"email": "fan@encore.example", "password": password})
        return self


class Shopper:
    """Buys one seat at a time; hold and book are the seconds that each request took, and confirmed
    those from the answer to book until the booking was confirmed."""

    def __init__(self, system):
        self.url = system.base_url
        self.connection = Connection(system.base_url).sign_in(system.to_run()["FAN_PASSWORD"])
        events = self.connection.ask("GET", "/api/events?limit=100")["items"]
        self.choose(max(events, key=lambda event: event["seats_left"])["id"])
        self.hold = []
        self.book = []
        self.confirmed = []

    def choose(self, event):
        """Buy seats of this event from now on."""
        seats = self.connection.ask("GET", f"/api/events/{event}/seats")["items"]
        self.event = event
        self.free = [seat["id"] for seat in seats if seat["status"] == "free"]

    def buy(self):
        """Hold and book a seat, and wait until the booking is confirmed."""
        hold_took, hold = took(self.take)
        book_took, booking = took(lambda: self.pay(hold))
        confirmed_after, _ = took(lambda: self.wait_confirmed(booking))
        self.hold.append(hold_took)
        self.book.append(book_took)
        self.confirmed.append(confirmed_after)

    def take(self):
        """Hold the next free seat."""
        seats = {"seats": [self.free.pop()]}
        return self.connection.ask("POST", f"/api/events/{self.event}/holds", seats)

    def pay(self, hold):
        """Book a hold."""
        order = {"hold_id": hold["id"], "payment_method": "pm_card_visa"}
        return self.connection.ask("POST", "/api/bookings", order)

    def wait_confirmed(self, booking):
        """Wait until a booking is confirmed, if it was not when it was acknowledged."""
        if booking["status"] != "confirmed":
            eventually(lambda: self.status(booking["id"]) == "confirmed")

    def status(self, booking):
        return self.connection.ask("GET", f"/api/bookings/{booking}")["status"]


def rate(connection, path):
    """Requests answered per second, one after the other."""
    count = 0
    began = time.perf_counter()
    while time.perf_counter() - began < ROUND_SECONDS:
        connection.ask("GET", path)
        count += 1
    return count / (time.perf_counter() - began)


def took(call):
    """(seconds, what the call returned)"""
    began = time.perf_counter()
    answer = call()
    return time.perf_counter() - began, answer
