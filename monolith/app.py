"""Encore as a WSGI application: the only place that knows all of it."""

import json
import os
from functools import cache
from pathlib import Path

import yaml
from flask import Flask, Response
from werkzeug.routing import BaseConverter

from kit import access, http, log, trace
from kit.process import this_process
from kit.refusals import Unavailable
from monolith import config, forget, reconcile, seed, snapshot
from monolith.accounts import commands
from monolith.accounts import routes as accounts
from monolith.bookings import routes as bookings
from monolith.catalog import routes as catalog
from monolith.payments import routes as payments
from monolith.process import Process
from monolith.recommendations import routes as recommendations

ROOT = Path(__file__).resolve().parent.parent
MODULES = (accounts, catalog, bookings, payments, recommendations)


class Id(BaseConverter):
    """An opaque id in an address; other text at its place is not found."""

    regex = "[A-Za-z0-9_-]{1,64}"


def create_app(settings=None):
    """The application, made with these settings, or with those in the environment."""
    settings = settings or config.from_environment(os.environ)
    log.configure(settings.log_level)
    trace.configure(settings)
    app = Flask(__name__, static_folder=None)
    app.config["PROVIDE_AUTOMATIC_OPTIONS"] = False
    app.json.sort_keys = False
    app.extensions["process"] = Process(settings)
    app.url_map.converters.update(id=Id)
    http.init_app(app, instance=settings.instance)
    access.init_app(app, identify=accounts.identify, public_origin=settings.public_origin)
    for module in MODULES:
        app.register_blueprint(module.bp)
    app.cli.add_command(seed.command)
    app.cli.add_command(snapshot.command)
    app.cli.add_command(forget.command)
    app.cli.add_command(reconcile.command)
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
        this_process().db.monolith.check()
        return {"status": "ready"}


def _add_document(app):
    @app.get("/api/openapi.json")
    def openapi():
        return Response(_document(), content_type="application/json")


@cache
def _document():
    text = (ROOT / "docs" / "openapi.yaml").read_text()
    return json.dumps(yaml.load(text, yaml.CSafeLoader))  # noqa: S506 - it is a safe loader
