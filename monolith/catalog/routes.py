from flask import Blueprint

from monolith import fields as checks
from monolith.bookings import service as bookings
from monolith.catalog import service, store
from monolith.catalog.model import CURRENCIES, LARGEST_PRICE, Venue
from monolith.process import this_process
from monolith.web import fields, organiser, page, paging, public, query

bp = Blueprint("catalog", __name__)


@bp.get("/api/venues")
@public()
def venues():
    asked = query(**paging(checks.text(), checks.identifier))
    with this_process().db.reading("catalog") as session:
        return page(store.venues(session, **asked), asked["limit"], Venue.as_json, lambda venue: (venue.name, venue.id))


@bp.get("/api/events")
@public()
def events():
    asked = query(
        q=checks.optional(checks.text(low=0), ""),
        city=checks.optional(checks.text(low=0)),
        to=checks.optional(checks.moment),
        **{"from": checks.optional(checks.moment, this_process().clock())},
        **paging(checks.moment, checks.identifier),
    )
    with this_process().db.reading("catalog") as session:
        rows = store.events(
            session, words=asked["q"].split(), city=asked["city"], start=asked["from"], end=asked["to"], after=asked["after"], limit=asked["limit"]
        )
    left = seats_left(rows)
    return page(rows, asked["limit"], lambda row: as_json(row, left), lambda row: (checks.as_text(row.starts_at), row.id))


@bp.post("/api/events")
@organiser()
def schedule():
    process = this_process()
    with process.db.transaction("catalog") as session:
        event_id = service.schedule(session, **_wanted_event(session, process.clock()))
    return event(event_id), 201


def _wanted_event(session, now):
    def venue(venue_id):
        venue_id = checks.identifier(venue_id)
        if session.get(Venue, venue_id) is None:
            raise ValueError("is not a venue")
        return venue_id

    def sections(values):
        if "venue_id" not in values or "prices" not in values:
            return []
        return service.unknown_sections(session.get(Venue, values["venue_id"]), values["prices"])

    return fields(
        also=sections,
        title=checks.text(),
        artist=checks.text(),
        genre=checks.text(),
        venue_id=venue,
        starts_at=checks.future(now),
        prices=checks.mapping_of(checks.whole(0, LARGEST_PRICE)),
        currency=checks.one_of(*CURRENCIES),
    )


@bp.get("/api/events/<id:event_id>")
@public()
def event(event_id):
    with this_process().db.reading("catalog") as session:
        found = service.find(session, event_id)
    return as_json(found, seats_left([found]))


@bp.get("/api/events/<id:event_id>/seats")
@public()
def seats(event_id):
    process = this_process()
    with process.db.reading("catalog") as session:
        rows = store.seats(session, event_id)
        if not rows:
            service.find(session, event_id)
    with process.db.reading("bookings") as session:
        taken = bookings.taken(session, event_id, process.clock())
    return {
        "items": [
            {
                "id": id,
                "section": section,
                "row": row,
                "number": number,
                "price": price,
                "status": taken.get(id, "free"),
            }
            for id, section, row, number, price in rows
        ]
    }


def seats_left(events):
    """{event: how many of its seats are not sold} of some rows of the store."""
    with this_process().db.reading("bookings") as session:
        sold = bookings.sold(session, [event.id for event in events])
    return {event.id: event.capacity - sold.get(event.id, 0) for event in events}


def as_json(event, left):
    """An event as row of the store, with the seats left."""
    return {
        "id": event.id,
        "title": event.title,
        "artist": event.artist,
        "genre": event.genre,
        "starts_at": checks.as_text(event.starts_at),
        "venue": {"id": event.venue_id, "name": event.venue_name, "city": event.city},
        "price_from": event.price_from,
        "currency": event.currency,
        "seats_left": left[event.id],
    }
