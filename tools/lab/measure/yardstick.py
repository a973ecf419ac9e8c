"""The bare Flask routes over SQLAlchemy that ./lab bench compares a step's routes with.

They answer at the shop's addresses, from the same rows of the same database, or insert a row:
without checks, sessions, log and errors of their own."""

import os
import uuid

from flask import Flask, request
from sqlalchemy import create_engine, inspect, text
from sqlalchemy.orm import Session

EVENTS = (
    "select e.id, title, artist, genre, starts_at::text, v.id as venue_id, v.name, city, currency "
    "from events e join venues v on v.id = venue_id "
)
READS = {
    "/api/events": f"{EVENTS} where starts_at >= now() order by starts_at, e.id limit 20",
    "/api/events/<id>": f"{EVENTS} where e.id = :id",
    "/api/events/<id>/seats": 'select id, section, "row", number, price{status} from seats '
    "where event_id = :id order by position",
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

    @app.get("/health/ready")
    def ready():
        return {"status": "ready"}

    @app.post("/api/rows")
    def insert():
        with Session(engine) as session, session.begin():
            session.execute(
                text("insert into yardstick values (:id, :note)"),
                {"id": uuid.uuid4().hex, "note": request.json["note"]},
            )
        return {}, 201

    return app


def reading(engine, sql):
    def read(**parameters):
        with Session(engine) as session:
            rows = session.execute(text(sql), parameters).mappings()
            return {"items": [dict(row) for row in rows]}

    return read
