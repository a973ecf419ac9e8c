"""What the catalog publishes on its topic."""

from kit.checks import as_text
from kit.message import Message

TOPIC = "catalog"


def scheduled(event, venue, seats):
    """An event with its venue and the seats that are sold, by section."""
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
    return Message(TOPIC, "event.scheduled", event.id, data)


def _sections(seats):
    sections = {}
    for seat in seats:
        section = sections.setdefault(
            seat["section"], {"name": seat["section"], "price": seat["price"], "seats": []}
        )
        section["seats"].append({"id": seat["id"], "row": seat["row"], "number": seat["number"]})
    return list(sections.values())
