"""The venues and events of the sample data."""

from datetime import timedelta
from itertools import count
from random import Random

from sqlalchemy import insert

from monolith.catalog.model import Event, Seat, Section, Venue
from monolith.catalog.service import plan

VENUES = [
    ("Lantern Hall", "Lisbon", "Portugal", "EUR", [("Stalls", 12, 24), ("Balcony", 6, 20)]),
    ("The Old Tannery", "Leeds", "United Kingdom", "GBP", [("Floor", 10, 14), ("Gallery", 3, 18)]),
    (
        "Kupferhaus",
        "Leipzig",
        "Germany",
        "EUR",
        [("Parkett", 14, 22), ("Rang", 8, 22), ("Loge", 4, 8)],
    ),
    (
        "Théâtre du Quai",
        "Nantes",
        "France",
        "EUR",
        [("Orchestre", 16, 26), ("Corbeille", 6, 24), ("Balcon", 8, 26)],
    ),
    ("Grainstore 9", "Bristol", "United Kingdom", "GBP", [("Floor", 8, 13)]),
    ("Norra Scenen", "Gothenburg", "Sweden", "SEK", [("Parkett", 15, 20), ("Läktare", 10, 20)]),
    (
        "Harbour Lights",
        "Boston",
        "United States",
        "USD",
        [("Orchestra", 18, 28), ("Mezzanine", 8, 28), ("Balcony", 9, 28)],
    ),
    ("Sala Miramar", "Valencia", "Spain", "EUR", [("Platea", 12, 18), ("Anfiteatro", 7, 18)]),
    ("Zur Glocke", "Bern", "Switzerland", "CHF", [("Saal", 11, 16), ("Empore", 3, 14)]),
    (
        "Teatro dell'Orto",
        "Bologna",
        "Italy",
        "EUR",
        [("Platea", 13, 20), ("Palchi", 6, 12), ("Loggione", 5, 20)],
    ),
    ("Velodroom Zuid", "Ghent", "Belgium", "EUR", [("Vloer", 20, 30), ("Tribune", 12, 32)]),
    ("The Paper Mill", "Galway", "Ireland", "EUR", [("Floor", 9, 12), ("Balcony", 3, 10)]),
]
GENRES = {
    "indie": (
        ["Paper Lanterns", "Minor Weather", "The Late Trams", "Velvet Allotment", "Slow Comets"],
        ["Small Hours", "Nothing Urgent", "Weather Songs"],
    ),
    "jazz": (
        ["Blue Corridor Trio", "Marble Street Quintet", "Night Ferry", "The Quiet Brass"],
        ["After Midnight", "Standards and Strangers", "Low Light"],
    ),
    "electronic": (
        ["Halogen Fields", "Subtle Machines", "Kilowatt Choir", "Analog Tides"],
        ["Signal", "Night Shift", "Phase Two"],
    ),
    "classical": (
        ["Larkspur Quartet", "Camerata Nord", "The Glasshouse Players"],
        ["Winter Programme", "Late Quartets", "New Music Evening"],
    ),
    "metal": (
        ["Iron Orchard", "Gravelmouth", "Vow of Embers", "Hollow Cathedral"],
        ["Ashes Tour", "Louder Still", "Under the Mountain"],
    ),
    "folk": (
        ["The Hedgerow Letters", "Salt and Sparrow", "Two Rivers", "Juniper Row"],
        ["Songs from the Coast", "Harvest Tour", "By the Fire"],
    ),
    "soul": (
        ["Honey Avenue", "The Corner Choir", "Gold Thread", "Sunday Static"],
        ["Warm Hands", "Grace Notes", "Live and Tender"],
    ),
}
PRICES = [1900, 2400, 2900, 3500, 4200, 4900, 5900, 6900]
STARTS = [1110, 1140, 1170, 1200]  # minutes after midnight


def is_there(session, sample):
    """Whether the sample data is in the database."""
    return session.get(Venue, sample.id("venue", 0)) is not None


def load(session, sample):
    """Store the venues, the events and their seats."""
    venues = [_venue(sample, at, *row) for at, row in enumerate(VENUES)]
    session.add_all(venue for venue, _ in venues)
    session.flush()
    sample.plans = [_event(sample, at, venues) for at in range(sample.events)]
    session.add_all(event for event, _ in sample.plans)
    session.flush()
    session.execute(insert(Seat), [seat for _, seats in sample.plans for seat in seats])


def _venue(sample, at, name, city, country, currency, sections):
    """(venue, its currency)"""
    venue_id = sample.id("venue", at)
    parts = [
        Section(
            id=sample.id("section", at, position),
            venue_id=venue_id,
            position=position,
            name=section,
            rows=rows,
            seats_per_row=seats,
        )
        for position, (section, rows, seats) in enumerate(sections)
    ]
    return Venue(id=venue_id, name=name, city=city, country=country, sections=parts), currency


def _event(sample, at, venues):
    """(event, its seats as rows); one event in ten is over."""
    random = Random(f"{sample.seed} event {at}")
    venue, currency = random.choice(venues)
    genre = list(GENRES)[at % len(GENRES)]
    artists, titles = GENRES[genre]
    days = random.randint(-60, -1) if at % 10 == 9 else random.randint(1, 240)
    event = Event(
        id=sample.id("event", at),
        title=random.choice(titles),
        artist=random.choice(artists),
        genre=genre,
        venue_id=venue.id,
        starts_at=sample.today + timedelta(days=days, minutes=random.choice(STARTS)),
        currency=currency,
    )
    numbers = count()
    seats = plan(
        venue.sections,
        event.id,
        _prices(random, venue, currency),
        new_id=lambda: sample.id("seat", at, next(numbers)),
    )
    event.capacity = len(seats)
    return event, seats


def _prices(random, venue, currency):
    """{section: price}; the first section is the dearest."""
    scale = 10 if currency == "SEK" else 1
    prices = sorted(random.sample(PRICES, len(venue.sections)), reverse=True)
    return {
        section.name: scale * price for section, price in zip(venue.sections, prices, strict=True)
    }
