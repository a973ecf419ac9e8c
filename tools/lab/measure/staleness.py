"""How old the answers from a copy are: the time from the answer to a booking until the customer's
own recommendations count it, which is when they no longer show its event."""

import time
import uuid

from tools.lab.measure.delivery import percentiles
from tools.lab.measure.shopper import Connection

BOOKINGS = 100
WITHIN = 30.0  # seconds
PATH = "/api/recommendations"
PASSWORD = "correct horse"  # noqa: S105 - of accounts that are made here


def figures(system):
    """Each booking is the first one of a new customer, so that all are answered alike."""
    milliseconds = []
    for _ in range(BOOKINGS):
        customer = newcomer(system.base_url)
        milliseconds.append(1000 * seconds(customer))
        customer.connections.close()
    return percentiles("booked to counted in one's own recommendations", milliseconds)


def newcomer(url):
    """A connection of a new customer, who is signed in."""
    connection = Connection(url)
    known = {"email": f"{uuid.uuid4().hex}@encore.example", "password": PASSWORD}
    connection.ask("POST", "/api/accounts", {**known, "name": "Ada"})
    connection.ask("POST", "/api/sessions", known)
    return connection


def seconds(connection, *, within=WITHIN):
    """Book an event that is recommended, and ask until it is not; the seconds that this took."""
    event, seat = free_seat(connection)
    hold = connection.ask("POST", f"/api/events/{event}/holds", {"seats": [seat]})
    order = {"hold_id": hold["id"], "payment_method": "pm_card_visa"}
    connection.ask("POST", "/api/bookings", order)
    answered = time.perf_counter()
    while event in recommended(connection):
        if time.perf_counter() - answered > within:
            raise AssertionError(f"a booking is not counted within {within:g} s")
    return time.perf_counter() - answered


def free_seat(connection):
    """(event, seat) of the best recommendation that has one."""
    for event in recommended(connection):
        for seat in connection.ask("GET", f"/api/events/{event}/seats")["items"]:
            if seat["status"] == "free":
                return event, seat["id"]
    raise RuntimeError("no event that is recommended has a free seat")


def recommended(connection):
    """The ids of the events that are recommended, best first."""
    items = connection.ask("GET", f"{PATH}?limit=100")["items"]
    return [item["event"]["id"] for item in items]
