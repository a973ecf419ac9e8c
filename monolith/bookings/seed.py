"""The past bookings of the sample data: each customer goes mostly to concerts of two genres, and
has paid at the box office."""

from collections import defaultdict
from datetime import timedelta
from random import Random
from types import SimpleNamespace

from sqlalchemy import insert, select

from kit.outbox import record
from monolith.bookings import messages
from monolith.bookings.holds import FOR_EVER
from monolith.bookings.model import BookedSeat, Booking, Claim


def load(session, sample):
    """Store and publish the bookings; their rows go to the sample."""
    events = defaultdict(list)  # genre: [(event, how many seats it has, those that are free)]
    for event, seats in sample.plans:
        events[event.genre].append((event, len(seats), list(seats)))
    sold = []  # (booking as a row, its seats)
    for account_id in sample.customers():
        sold += _of_customer(sample, account_id, events)
    sample.sales = [booking for booking, _ in sold]
    links = [
        {"booking_id": booking["id"], "seat_id": seat["id"], "position": seat["position"]}
        for booking, seats in sold
        for seat in seats
    ]
    if sold:
        session.execute(insert(Booking), sample.sales)
        session.execute(insert(BookedSeat), links)
        booked = select(BookedSeat.seat_id, Booking.event_id, FOR_EVER).join(Booking)
        claims = insert(Claim).from_select(["seat_id", "event_id", "until"], booked)
        session.execute(claims)
        _publish(session, sold)


def _publish(session, sold):
    """Record the messages of the bookings: payments stores the charges, and nobody gets a mail."""
    requested = {"status": "pending", "version": 1}
    record(session, *(_state(*each, requested, paid_at="box-office") for each in sold))
    record(session, *(_state(*each, {}) for each in sold), snapshot=True)


def _state(booking, seats, changes, **more):
    places = [SimpleNamespace(**seat) for seat in seats]
    return messages.state(SimpleNamespace(**booking | changes), places, **more)


def _of_customer(sample, account_id, events):
    """[(booking as a row, its seats)] of one customer."""
    random = Random(f"{sample.seed} bookings {account_id}")
    genres = sorted(events)
    favourites = random.sample(genres, min(2, len(genres)))
    sold = []
    for number in range(random.randint(min(1, sample.bookings), sample.bookings)):
        genre = random.choice(favourites if random.random() < 0.9 else genres)
        event, capacity, free = random.choice(events[genre])
        if len(free) >= capacity // 4 + 4:  # every event has seats left for visitors of the shop
            seats = _take(random, free)
            booking = _row(sample, random, account_id, number, event, seats)
            sold.append((booking, seats))
    return sold


def _take(random, free):
    """One to four seats beside each other, taken out of free."""
    count = random.randint(1, 4)
    first = random.randrange(len(free) - count + 1)
    return [free.pop(first) for _ in range(count)]


def _row(sample, random, account_id, number, event, seats):
    return {
        "id": sample.id("booking", account_id, number),
        "account_id": account_id,
        "event_id": event.id,
        "hold_id": sample.id("hold", account_id, number),
        "status": "confirmed",
        "total": sum(seat["price"] for seat in seats),
        "currency": event.currency,
        "created_at": sample.today - timedelta(days=random.randint(61, 90)),
        "version": 2,
    }
