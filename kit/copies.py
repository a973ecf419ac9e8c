"""Copies of another service's rows, built from its messages."""

from sqlalchemy.dialects.postgresql import insert


def upsert(session, model, row):
    """Insert or update a row of a copy, unless a newer version is there.

    model has the column version; row is {column: value} with its primary key and version."""
    statement = insert(model).values(row)
    is_newer = model.version < statement.excluded.version
    key = model.__table__.primary_key
    session.execute(statement.on_conflict_do_update(constraint=key, set_=row, where=is_newer))
