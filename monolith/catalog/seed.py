"""The venues and events of the sample data; kit/concerts.py decides them."""

from sqlalchemy import insert

from kit.concerts import VENUES, concert
from monolith.catalog.model import Event, Seat, Section, Venue


def is_there(session, sample):
    """Whether the sample data is in the database."""
    return session.get(Venue, sample.id("venue", 0)) is not None


def load(session, sample):
    """Store the venues, the events and their seats."""
    session.add_all(_venue(sample, at, *row) for at, row in enumerate(VENUES))
    session.flush()
    concerts = [concert(sample.seed, at, sample.today) for at in range(sample.events)]
    session.add_all(_event(sample, each) for each in concerts)
    session.flush()
    session.execute(insert(Seat), [seat for each in concerts for seat in each.seats])


def _venue(sample, at, name, city, country, currency, sections):
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
    return Venue(id=venue_id, name=name, city=city, country=country, sections=parts)


def _event(sample, concert):
    return Event(
        id=concert.id,
        title=concert.title,
        artist=concert.artist,
        genre=concert.genre,
        venue_id=sample.id("venue", concert.venue),
        starts_at=concert.starts_at,
        currency=concert.currency,
        capacity=len(concert.seats),
    )
