"""The bare Flask routes over SQLAlchemy that ./lab bench compares a step's routes with.

They read the same rows of the same database, or insert one, without checks, sessions, log and
joins."""

import os
import uuid

from flask import Flask, request
from sqlalchemy import create_engine, inspect, text
from sqlalchemy.orm import Session

READS = {
    "/events": "select id, title, artist, genre, starts_at::text, venue_id, currency from events "
    "order by starts_at, id limit 20",
    "/event": "select id, title, artist, genre, starts_at::text, venue_id, currency from events "
    "where id = :id",
    "/seats": 'select id, section, "row", number, price{status} from seats where event_id = :id '
    "order by position",
}


def create_app():
    app = Flask(__name__)
    engine = create_engine(os.environ["DATABASE_URL"], pool_size=16)
    with engine.begin() as connection:
        connection.execute(
            text("create table if not exists yardstick (id text primary key, note text)")
        )
    # seats have a status until step 05
    status = (
        ", status"
        if "status" in {column["name"] for column in inspect(engine).get_columns("seats")}
        else ""
    )
    for path, sql in READS.items():
        app.add_url_rule(path, path, reading(engine, sql.format(status=status)))

    @app.post("/rows")
    def insert():
        with Session(engine) as session, session.begin():
            session.execute(
                text("insert into yardstick values (:id, :note)"),
                {"id": uuid.uuid4().hex, "note": request.json["note"]},
            )
        return {}, 201

    return app


def reading(engine, sql):
    def read():
        with Session(engine) as session:
            return {
                "items": [
                    dict(row)
                    for row in session.execute(text(sql), request.args.to_dict()).mappings()
                ]
            }

    return read
