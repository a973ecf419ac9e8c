"""Encore as a WSGI application: the only place that knows all of it."""

import json
import os
from functools import cache
from pathlib import Path

import yaml
from flask import Blueprint, Response

from kit import web
from monolith import config, seed, snapshot
from monolith.catalog import routes as catalog
from monolith.process import Process

ROOT = Path(__file__).resolve().parent.parent
COMMANDS = (seed.command, snapshot.command)
document = Blueprint("document", __name__)


def create_app(settings=None):
    """The application, made with these settings, or with those in the environment."""
    process = Process(settings or config.from_environment(os.environ))
    app = web.create_app(process, catalog.bp, document)
    for command in COMMANDS:
        app.cli.add_command(command)
    return app


@document.get("/api/openapi.json")
def openapi():
    return Response(_document(), content_type="application/json")


@cache
def _document():
    text = (ROOT / "docs" / "openapi.yaml").read_text()
    return json.dumps(yaml.load(text, yaml.CSafeLoader))  # noqa: S506 - it is a safe loader
