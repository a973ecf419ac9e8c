"""Sample data: venues, events, accounts and past bookings that follow tastes; all of it decided by a seed number."""

import uuid
from collections import Counter
from datetime import UTC, datetime, time, timedelta
from random import Random

import click
from flask.cli import with_appcontext
from sqlalchemy import insert, select

from monolith.accounts.model import Account
from monolith.accounts.passwords import hashed
from monolith.announce import announce
from monolith.bookings.holds import FOR_EVER
from monolith.bookings.model import BookedSeat, Booking, Claim
from monolith.catalog.model import Event, Seat, Section, Venue
from monolith.catalog.service import plan
from monolith.payments.model import Payment
from monolith.process import this_process
from monolith.recommendations.model import Taste

VENUES = [
    ("Lantern Hall", "Lisbon", "Portugal", "EUR", [("Stalls", 12, 24), ("Balcony", 6, 20)]),
    ("The Old Tannery", "Leeds", "United Kingdom", "GBP", [("Floor", 10, 14), ("Gallery", 3, 18)]),
    ("Kupferhaus", "Leipzig", "Germany", "EUR", [("Parkett", 14, 22), ("Rang", 8, 22), ("Loge", 4, 8)]),
    ("Théâtre du Quai", "Nantes", "France", "EUR", [("Orchestre", 16, 26), ("Corbeille", 6, 24), ("Balcon", 8, 26)]),
    ("Grainstore 9", "Bristol", "United Kingdom", "GBP", [("Floor", 8, 13)]),
    ("Norra Scenen", "Gothenburg", "Sweden", "SEK", [("Parkett", 15, 20), ("Läktare", 10, 20)]),
    ("Harbour Lights", "Boston", "United States", "USD", [("Orchestra", 18, 28), ("Mezzanine", 8, 28), ("Balcony", 9, 28)]),
    ("Sala Miramar", "Valencia", "Spain", "EUR", [("Platea", 12, 18), ("Anfiteatro", 7, 18)]),
    ("Zur Glocke", "Bern", "Switzerland", "CHF", [("Saal", 11, 16), ("Empore", 3, 14)]),
    ("Teatro dell'Orto", "Bologna", "Italy", "EUR", [("Platea", 13, 20), ("Palchi", 6, 12), ("Loggione", 5, 20)]),
    ("Velodroom Zuid", "Ghent", "Belgium", "EUR", [("Vloer", 20, 30), ("Tribune", 12, 32)]),
    ("The Paper Mill", "Galway", "Ireland", "EUR", [("Floor", 9, 12), ("Balcony", 3, 10)]),
]
GENRES = {
    "indie": (["Paper Lanterns", "Minor Weather", "The Late Trams", "Velvet Allotment", "Slow Comets"], ["Small Hours", "Nothing Urgent", "Weather Songs"]),
    "jazz": (["Blue Corridor Trio", "Marble Street Quintet", "Night Ferry", "The Quiet Brass"], ["After Midnight", "Standards and Strangers", "Low Light"]),
    "electronic": (["Halogen Fields", "Subtle Machines", "Kilowatt Choir", "Analog Tides"], ["Signal", "Night Shift", "Phase Two"]),
    "classical": (["Larkspur Quartet", "Camerata Nord", "The Glasshouse Players"], ["Winter Programme", "Late Quartets", "New Music Evening"]),
    "metal": (["Iron Orchard", "Gravelmouth", "Vow of Embers", "Hollow Cathedral"], ["Ashes Tour", "Louder Still", "Under the Mountain"]),
    "folk": (["The Hedgerow Letters", "Salt and Sparrow", "Two Rivers", "Juniper Row"], ["Songs from the Coast", "Harvest Tour", "By the Fire"]),
    "soul": (["Honey Avenue", "The Corner Choir", "Gold Thread", "Sunday Static"], ["Warm Hands", "Grace Notes", "Live and Tender"]),
}
PRICES = [1900, 2400, 2900, 3500, 4200, 4900, 5900, 6900]


@click.command("seed")
@click.option("--events", default=200, show_default=True, type=click.IntRange(1, 10_000), help="How many events.")
@click.option("--accounts", default=100, show_default=True, type=click.IntRange(2, 1_000_000), help="How many accounts, the fan and the organiser included.")
@click.option("--bookings", default=4, show_default=True, type=click.IntRange(0, 1_000), help="How many past bookings a customer has, at most.")
@click.option("--seed", default=1, show_default=True, help="The number that decides everything else.")
@click.option("--today", type=click.DateTime(["%Y-%m-%d"]), help="The day that the events lie around; today, unless given.")
@click.option("--fan-password", envvar="FAN_PASSWORD", required=True, help="Of fan@encore.example and the other customers.")
@click.option("--organiser-password", envvar="ORGANISER_PASSWORD", required=True, help="Of organiser@encore.example.")
@with_appcontext
def command(events, accounts, bookings, seed, today, fan_password, organiser_password):
    """Load sample data; where it is there already, change nothing."""
    today = datetime.combine((today or this_process().clock()).date(), time(), UTC)
    with this_process().db.transaction() as session:
        if session.get(Venue, _id(seed, "venue", 0)):
            click.echo("The sample data is there already.")
            return
        venues = _venues(session, seed)
        planned = _events(session, seed, venues, events, today)
        customers = _accounts(session, seed, accounts, today - timedelta(days=100), hashed(fan_password), hashed(organiser_password))
        sold = _bookings(session, seed, planned, customers, bookings, today)
        while announce(session, batch=1000):
            pass
    click.echo(f"Loaded {len(venues)} venues, {events} events, {accounts} accounts and {sold} past bookings.")


def _id(seed, kind, *which):
    return uuid.uuid5(uuid.NAMESPACE_URL, f"urn:encore:{seed}:{kind}:{which}").hex


def _venues(session, seed):
    """[(venue, its currency)]"""
    venues = []
    for at, (name, city, country, currency, sections) in enumerate(VENUES):
        parts = [
            Section(id=_id(seed, "section", at, position), venue_id=_id(seed, "venue", at), position=position, name=part, rows=rows, seats_per_row=seats)
            for position, (part, rows, seats) in enumerate(sections)
        ]
        venues.append((Venue(id=_id(seed, "venue", at), name=name, city=city, country=country, sections=parts), currency))
    session.add_all(venue for venue, _ in venues)
    session.flush()
    return venues


def _events(session, seed, venues, count, today):
    """[(event, its seats as rows that are not yet stored)]; one in ten has been already."""
    planned = []
    for at in range(count):
        random = Random(f"{seed} event {at}")
        venue, currency = random.choice(venues)
        genre = list(GENRES)[at % len(GENRES)]
        artists, titles = GENRES[genre]
        starts_at = today + timedelta(days=random.randint(-60, -1) if at % 10 == 9 else random.randint(1, 240), minutes=random.choice([1110, 1140, 1170, 1200]))
        event = Event(
            id=_id(seed, "event", at),
            title=random.choice(titles),
            artist=random.choice(artists),
            genre=genre,
            venue_id=venue.id,
            starts_at=starts_at,
            currency=currency,
        )
        seats = plan(venue.sections, event.id, _prices(random, venue, currency), new_id=_numbered(seed, at))
        event.capacity = len(seats)
        planned.append((event, seats))
    session.add_all(event for event, _ in planned)
    session.flush()
    return planned


def _prices(random, venue, currency):
    """A price for each section, the first one's the highest."""
    scale = 10 if currency == "SEK" else 1
    prices = sorted(random.sample(PRICES, len(venue.sections)), reverse=True)
    return {section.name: scale * price for section, price in zip(venue.sections, prices, strict=True)}


def _numbered(seed, at):
    numbers = iter(range(1_000_000))
    return lambda: _id(seed, "seat", at, next(numbers))


def _accounts(session, seed, count, created_at, fan_hash, organiser_hash):
    """The ids of the customers; the first is the fan's."""
    people = [("fan@encore.example", "Fan", fan_hash, "customer"), ("organiser@encore.example", "Organiser", organiser_hash, "organiser")]
    people += [(f"customer{at}@encore.example", f"Customer {at}", fan_hash, "customer") for at in range(3, count + 1)]
    rows = [
        {"id": _id(seed, "account", email), "email": email, "name": name, "password_hash": password_hash, "created_at": created_at, "role": role}
        for email, name, password_hash, role in people
    ]
    session.execute(insert(Account), rows)
    return [row["id"] for row in rows if row["role"] == "customer"]


def _bookings(session, seed, planned, customers, at_most, today):
    """How many bookings were stored: each customer goes mostly to two genres, and paid at the box office."""
    by_genre = {}
    for event, seats in planned:
        by_genre.setdefault(event.genre, []).append((event, seats, list(seats)))
    bookings, links, payments, times = [], [], [], Counter()
    for account_id in customers:
        random = Random(f"{seed} bookings {account_id}")
        tastes = random.sample(sorted(by_genre), min(2, len(by_genre)))
        for number in range(random.randint(min(1, at_most), at_most)):
            genre = random.choice(tastes) if random.random() < 0.9 else random.choice(sorted(by_genre))
            event, seats, free = random.choice(by_genre[genre])
            if len(free) < len(seats) // 4 + 4:
                continue  # every event has seats left for visitors of the shop
            chosen = _sell(random, free)
            paid = {"total": sum(seat["price"] for seat in chosen), "currency": event.currency, "created_at": today - timedelta(days=random.randint(61, 90))}
            id, hold_id = _id(seed, "booking", account_id, number), _id(seed, "hold", account_id, number)
            bookings.append({"id": id, "account_id": account_id, "event_id": event.id, "hold_id": hold_id, "status": "confirmed", **paid})
            links += [{"booking_id": id, "seat_id": seat["id"]} for seat in chosen]
            payments.append(_payment(_id(seed, "payment", id), id, **paid))
            times[account_id, event.id] += 1
    session.execute(insert(Seat), [seat for _, seats in planned for seat in seats])
    tasted = [{"account_id": account_id, "event_id": event_id, "bookings": count} for (account_id, event_id), count in times.items()]
    for table, rows in ((Booking, bookings), (BookedSeat, links), (Payment, payments), (Taste, tasted)):
        if rows:
            session.execute(insert(table), rows)
    session.execute(insert(Claim).from_select(["seat_id", "event_id", "until"], select(BookedSeat.seat_id, Booking.event_id, FOR_EVER).join(Booking)))
    return len(bookings)


def _sell(random, free):
    """One to four seats beside each other, taken out of free."""
    wanted = random.randint(1, 4)
    first = random.randrange(len(free) - wanted + 1)
    return [free.pop(first) for _ in range(wanted)]


def _payment(id, booking_id, *, total, currency, created_at):
    return {"id": id, "booking_id": booking_id, "kind": "charge", "amount": total, "currency": currency, "status": "succeeded", "created_at": created_at}
