"""The past bookings of the sample data: each customer goes mostly to concerts of two genres, and
has paid at the box office. The plans of these concerts are copied here, too, so that nobody waits
for their messages in a new shop."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from random import Random
from types import SimpleNamespace

import click
from flask.cli import with_appcontext
from sqlalchemy import insert, select
from sqlalchemy.dialects.postgresql import insert as insert_new

from extracted.bookings import messages
from extracted.bookings.holds import FOR_EVER
from extracted.bookings.model import BookedSeat, Booking, Claim, Event, Seat
from kit import sample as ids
from kit.concerts import concert
from kit.outbox import record
from kit.process import this_process
from kit.turn import turn


@dataclass(frozen=True)
class Sample:
    """How much data there is to be."""

    seed: int
    events: int
    accounts: int
    bookings: int  # at most, for each customer
    today: datetime

    def id(self, kind, *which):
        """The id of a thing of the sample."""
        return ids.id_of(self.seed, kind, *which)

    def customers(self):
        """The account ids of those who buy, the fan's first."""
        return [ids.account_id(self.seed, email) for email in ids.customers(self.accounts)]


@click.command("seed")
@click.option(
    "--events",
    default=200,
    show_default=True,
    type=click.IntRange(1, 10_000),
    help="How many events the catalog's sample has.",
)
@click.option(
    "--accounts",
    default=100,
    show_default=True,
    type=click.IntRange(2, 1_000_000),
    help="How many accounts there are, the fan and the organiser included.",
)
@click.option(
    "--bookings",
    default=4,
    show_default=True,
    type=click.IntRange(0, 1_000),
    help="How many past bookings a customer has, at most.",
)
@click.option(
    "--seed", default=1, show_default=True, help="The number that decides everything else."
)
@click.option(
    "--today",
    type=click.DateTime(["%Y-%m-%d"]),
    help="The day that the events lie around; today, unless given.",
)
@with_appcontext
def command(today, **numbers):
    """Load the sample's past bookings; where they are there already, change nothing."""
    process = this_process()
    today = datetime.combine((today or process.clock()).date(), time(), UTC)
    sample = Sample(today=today, **numbers)
    database = process.database
    with database.reading() as other, turn(other), database.transaction() as session:
        if is_there(session, sample):
            click.echo("The sample data is there already.")
            return
        loaded = load(session, sample)
    click.echo(f"Loaded {loaded} past bookings.")


def is_there(session, sample):
    """Whether the sample data is in the database: everybody who buys has a first booking."""
    first = sample.id("booking", sample.customers()[0], 0)
    return session.get(Booking, first) is not None


def load(session, sample):
    """Store and publish the bookings; answer how many."""
    concerts = [concert(sample.seed, at, sample.today) for at in range(sample.events)]
    _copy(session, concerts)
    events = defaultdict(list)  # genre: [(event, how many seats it has, those that are free)]
    for event in concerts:
        events[event.genre].append((event, len(event.seats), list(event.seats)))
    sold = []  # (booking as a row, its seats)
    for account_id in sample.customers():
        sold += _of_customer(sample, account_id, events)
    links = [
        {"booking_id": booking["id"], "seat_id": seat["id"], "position": seat["position"]}
        for booking, seats in sold
        for seat in seats
    ]
    if sold:
        session.execute(insert(Booking), [booking for booking, _ in sold])
        session.execute(insert(BookedSeat), links)
        booked = select(BookedSeat.seat_id, Booking.event_id, FOR_EVER).join(Booking)
        claims = insert(Claim).from_select(["seat_id", "event_id", "until"], booked)
        session.execute(claims)
        _publish(session, sold)
    return len(sold)


def _copy(session, concerts):
    """Store what the copy of the catalog will have of these events when their messages have come;
    any message is newer."""
    events = [
        {"id": each.id, "starts_at": each.starts_at, "currency": each.currency, "version": 0}
        for each in concerts
    ]
    seats = [seat for each in concerts for seat in each.seats]
    for model, rows in ((Event, events), (Seat, seats)):
        session.execute(insert_new(model.__table__).on_conflict_do_nothing(), rows)


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
