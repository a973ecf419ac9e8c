"""What notifications knows of others: built from the beginning of their topics by a group of its own, so that it can be built again."""

from datetime import datetime

from sqlalchemy.dialects.postgresql import insert

from extracted.notifications.model import Address, Concert

TOPICS = ("accounts", "catalog")


def keep_address(session, process, message):
    said = message.data
    _keep(session, Address, {"account_id": said["id"], "email": said["email"], "name": said["name"], "version": said["aggregate_version"]})


def keep_concert(session, process, message):
    said = message.data
    about = {"title": said["title"], "artist": said["artist"], "starts_at": datetime.fromisoformat(said["starts_at"])}
    where = {"venue_name": said["venue"]["name"], "city": said["venue"]["city"]}
    _keep(session, Concert, {"event_id": said["id"], **about, **where, "version": said["aggregate_version"]})


def _keep(session, model, row):
    """Insert or update a row, unless a later version is there."""
    wanted = insert(model).values(row)
    newer = model.version < wanted.excluded.version
    session.execute(wanted.on_conflict_do_update(constraint=model.__table__.primary_key, set_=row, where=newer))


ANNOUNCED = True
HANDLERS = {"account.registered": keep_address, "event.scheduled": keep_concert}
