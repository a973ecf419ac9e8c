"""What the catalog says on its topic."""

from extracted.kit.outbox import Fact
from monolith.fields import as_text

TOPIC = "catalog"


def scheduled(event, venue, seats):
    """An event with its venue and the seats that are sold, by section."""
    event.version += 1
    data = {
        "id": event.id,
        "title": event.title,
        "artist": event.artist,
        "genre": event.genre,
        "starts_at": as_text(event.starts_at),
        "currency": event.currency,
        "venue": {"id": venue.id, "name": venue.name, "city": venue.city, "country": venue.country},
        "sections": _sections(seats),
        "aggregate_version": event.version,
    }
    return Fact(TOPIC, "event.scheduled", event.id, data)


def _sections(seats):
    sections = {}
    for seat in seats:
        section = sections.setdefault(seat["section"], {"name": seat["section"], "price": seat["price"], "seats": []})
        section["seats"].append({"id": seat["id"], "row": seat["row"], "number": seat["number"]})
    return list(sections.values())
