"""A web application as every service makes it: refusals, access, health."""

from flask import Blueprint, Flask
from werkzeug.routing import BaseConverter

from kit import access, http, log, trace
from kit.process import this_process
from kit.refusals import Unavailable

health = Blueprint("health", __name__)


class Id(BaseConverter):
    """An opaque id in an address; other text at its place is not found."""

    regex = "[A-Za-z0-9_-]{1,64}"


def create_app(process, *blueprints):
    """An application with these blueprints.

    process lives as long as the application. It has settings, clock, verifier, draining (whether it
    is about to stop) and check(), which raises an error if something that it needs is away."""
    settings = process.settings
    log.configure(settings.log_level)
    trace.configure(settings)
    app = Flask(__name__, static_folder=None)
    app.config["PROVIDE_AUTOMATIC_OPTIONS"] = False
    app.json.sort_keys = False
    app.extensions["process"] = process
    app.url_map.converters.update(id=Id)
    http.init_app(app, instance=settings.instance)
    access.init_app(app, public_origin=settings.public_origin)
    for blueprint in (*blueprints, health):
        app.register_blueprint(blueprint)
    return app


@health.get("/health/live")
def live():
    return {"status": "live"}


@health.get("/health/ready")
def ready():
    process = this_process()
    if process.draining:
        raise Unavailable("This process, which is about to stop,")
    process.check()
    return {"status": "ready"}
