"""Encore as a WSGI application: the only place that knows all of it."""

import json
import os
from functools import cache
from pathlib import Path

import yaml
from flask import Flask, Response
from sqlalchemy import text
from werkzeug.routing import BaseConverter

from extracted.kit import log, trace
from monolith import announce, config, forget, seed, web
from monolith.accounts import commands
from monolith.accounts import routes as accounts
from monolith.bookings import routes as bookings
from monolith.catalog import routes as catalog
from monolith.payments import routes as payments
from monolith.process import Process, this_process
from monolith.recommendations import routes as recommendations
from monolith.refusals import Unavailable

ROOT = Path(__file__).resolve().parent.parent
PARTS = (accounts, catalog, bookings, payments, recommendations)


class Id(BaseConverter):
    """An opaque id; anything else at its place in an address is not found."""

    regex = "[A-Za-z0-9_-]{1,64}"


def create_app(settings=None):
    """The application, as settings say; without them, as the environment says."""
    settings = settings or config.from_environment(os.environ)
    log.configure(settings.log_level)
    trace.configure(vars(settings))
    app = Flask(__name__, static_folder=None)
    app.config["PROVIDE_AUTOMATIC_OPTIONS"] = False
    app.json.sort_keys = False
    app.extensions["encore"] = Process(settings)
    app.url_map.converters.update(id=Id)
    web.init_app(app)
    for part in PARTS:
        app.register_blueprint(part.bp)
    app.cli.add_command(seed.command)
    app.cli.add_command(announce.command)
    app.cli.add_command(forget.command)
    app.cli.add_command(commands.grant_organiser)
    _add_health(app)
    _add_document(app)
    return app


def _add_health(app):
    @app.get("/health/live")
    def live():
        return {"status": "live"}

    @app.get("/health/ready")
    def ready():
        if this_process().draining:
            raise Unavailable("This process, which is about to stop,")
        with this_process().db.reading() as session:
            session.execute(text("select 1"))
        return {"status": "ready"}


def _add_document(app):
    @app.get("/api/openapi.json")
    def openapi():
        return Response(_document(), content_type="application/json")


@cache
def _document():
    return json.dumps(yaml.load((ROOT / "docs" / "openapi.yaml").read_text(), yaml.CSafeLoader))  # noqa: S506 - it is a safe loader
