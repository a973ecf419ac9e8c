"""The concerts of the sample data: every service that has rows about them decides the same ones.

This is no plumbing, and stands here only because two deployables need it and may not import each
other."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random

from kit.sample import id_of

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


@dataclass(frozen=True)
class Concert:
    """An event of the sample; venue is the number of its venue, and prices is {section: price}."""

    id: str
    venue: int
    title: str
    artist: str
    genre: str
    starts_at: datetime
    currency: str
    prices: dict
    seats: list  # {id, event_id, position, section, row, number, price}, in the order of the plan


def concert(seed, at, today):
    """The event with this number, around this day; one in ten is over."""
    random = Random(f"{seed} event {at}")
    venue = random.choice(range(len(VENUES)))
    *_, currency, sections = VENUES[venue]
    genre = list(GENRES)[at % len(GENRES)]
    artists, titles = GENRES[genre]
    days = random.randint(-60, -1) if at % 10 == 9 else random.randint(1, 240)
    title, artist = random.choice(titles), random.choice(artists)
    starts_at = today + timedelta(days=days, minutes=random.choice(STARTS))
    prices = _prices(random, sections, currency)
    event_id = id_of(seed, "event", at)
    return Concert(
        id=event_id,
        venue=venue,
        title=title,
        artist=artist,
        genre=genre,
        starts_at=starts_at,
        currency=currency,
        prices=prices,
        seats=_seats(seed, at, event_id, sections, prices),
    )


def _prices(random, sections, currency):
    """{section: price}; the first section is the dearest."""
    scale = 10 if currency == "SEK" else 1
    prices = sorted(random.sample(PRICES, len(sections)), reverse=True)
    return {name: scale * price for (name, *_), price in zip(sections, prices, strict=True)}


def _seats(seed, at, event_id, sections, prices):
    places = [
        (name, chr(65 + row), number + 1)  # no section has more rows than the alphabet letters
        for name, rows, seats_per_row in sections
        for row in range(rows)
        for number in range(seats_per_row)
    ]
    return [
        {
            "id": id_of(seed, "seat", at, position),
            "event_id": event_id,
            "position": position,
            "section": name,
            "row": row,
            "number": number,
            "price": prices[name],
        }
        for position, (name, row, number) in enumerate(places)
    ]
