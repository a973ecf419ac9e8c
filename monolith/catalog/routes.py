from flask import Blueprint

from kit import checks
from kit.access import public, signed_in
from kit.paging import page, paging
from kit.process import this_process
from kit.request import fields, query
from monolith.catalog import service, store
from monolith.catalog.model import LARGEST_PRICE, LEAST_PRICES, Venue

bp = Blueprint("catalog", __name__)


@bp.get("/api/venues")
@public()
def venues():
    parameters = query(**paging(checks.text(), checks.identifier))
    with this_process().db.catalog.reading() as session:
        return page(
            store.venues(session, **parameters),
            parameters["limit"],
            render=Venue.as_json,
            position=lambda venue: (venue.name, venue.id),
        )


@bp.get("/api/events")
@public()
def events():
    process = this_process()
    parameters = query(
        q=checks.optional(checks.text(low=0), ""),
        city=checks.optional(checks.text(low=0)),
        to=checks.optional(checks.moment),
        **{"from": checks.optional(checks.moment, process.clock())},
        **paging(checks.moment, checks.identifier),
    )
    with process.db.catalog.reading() as session:
        rows = store.events(
            session,
            words=parameters["q"].split(),
            city=parameters["city"],
            start=parameters["from"],
            end=parameters["to"],
            after=parameters["after"],
            limit=parameters["limit"],
        )
    left = seats_left(process, rows)
    return page(
        rows,
        parameters["limit"],
        render=lambda row: as_json(row, left),
        position=lambda row: (checks.as_text(row.starts_at), row.id),
    )


@bp.post("/api/events")
@signed_in(role="organiser")
def schedule():
    process = this_process()
    with process.db.catalog.transaction() as session:
        body = _event_fields(session, process.clock())
        event_id = service.schedule(session, **body)
    return _shown(process, event_id), 201


def _event_fields(session, now):
    def venue(venue_id):
        venue_id = checks.identifier(venue_id)
        if session.get(Venue, venue_id) is None:
            raise ValueError("is not a venue")
        return venue_id

    def sections(values):
        if "venue_id" not in values or "prices" not in values:
            return []
        return service.unknown_sections(session.get(Venue, values["venue_id"]), values["prices"])

    def least(values):
        if "currency" not in values or "prices" not in values:
            return []
        return service.too_low(values["prices"], values["currency"])

    return fields(
        also=lambda values: sections(values) or least(values),
        title=checks.line,
        artist=checks.line,
        genre=checks.line,
        venue_id=venue,
        starts_at=checks.future(now),
        prices=checks.mapping_of(checks.whole(0, LARGEST_PRICE)),
        currency=checks.one_of(*LEAST_PRICES),
    )


@bp.get("/api/events/<id:event_id>")
@public()
def event(event_id):
    return _shown(this_process(), event_id)


def _shown(process, event_id):
    with process.db.catalog.reading() as session:
        found = service.find(session, event_id)
    return as_json(found, seats_left(process, [found]))


def seats_left(process, events):
    """{event: how many of its seats are not sold}, for rows of the store."""
    with process.db.catalog.reading() as session:
        sold = store.sold(session, [event.id for event in events])
    return {event.id: event.capacity - sold.get(event.id, 0) for event in events}


def as_json(event, left):
    """An event as JSON, from a row of the store and the seats left."""
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
