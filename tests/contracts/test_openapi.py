"""The routes and the OpenAPI document describe the same operations."""

import re
from pathlib import Path

import yaml

from extracted.accounts import app as accounts
from extracted.accounts.config import from_environment as of_accounts
from extracted.bookings import app as bookings
from extracted.bookings.config import for_web as of_bookings
from extracted.payments import app as payments
from extracted.payments.config import for_web as of_payments
from extracted.recommendations import app as recommendations
from extracted.recommendations.config import for_web as of_recommendations
from kit.http import PROBLEMS
from kit.refusals import Refusal
from monolith.app import create_app
from monolith.config import from_environment

DOCUMENT = yaml.safe_load(Path("docs/openapi.yaml").read_text())
COMPOSE = yaml.safe_load(Path("docker-compose.yml").read_text())
UNREACHABLE = from_environment(
    {
        **COMPOSE["x-monolith"]["environment"],
        "DATABASE_URL": "postgresql://a:b@127.0.0.1:1/c",
        "LOG_LEVEL": "ERROR",
    }
)
SERVICES = [
    (accounts, of_accounts),
    (bookings, of_bookings),
    (payments, of_payments),
    (recommendations, of_recommendations),
]
METHODS = {"get", "post", "put", "patch", "delete"}


def unreachable(app, config):
    """The application of a service, whose database is away."""
    name = f"{app.__name__.split('.')[1]}-web"
    settings = {
        **COMPOSE["services"][name]["environment"],
        "DATABASE_URL": "postgresql://a:b@127.0.0.1:1/c",
        "LOG_LEVEL": "ERROR",
    }
    return app.create_app(config(settings))


def test_routes_and_document_have_the_same_operations():
    applications = create_app(UNREACHABLE), *(unreachable(*each) for each in SERVICES)
    rules = [
        rule
        for application in applications
        for rule in application.url_map.iter_rules()
        if rule.rule.startswith(("/api/", "/health/"))
    ]
    routed = {
        (re.sub(r"<id:\w+>", "{id}", rule.rule), method.lower())
        for rule in rules
        for method in rule.methods - {"HEAD", "OPTIONS"}
    }

    documented = {
        (path, method)
        for path, operations in DOCUMENT["paths"].items()
        for method in operations
        if method in METHODS
    }

    assert routed == documented


def test_the_openapi_document_is_served():
    assert create_app(UNREACHABLE).test_client().get("/api/openapi.json").json == DOCUMENT


def test_every_problem_is_documented():
    listed = set(DOCUMENT["components"]["schemas"]["Problem"]["properties"]["type"]["enum"])

    refusals = {refusal.kind for refusal in _subclasses(Refusal) if refusal.kind}

    # No operation may answer with an internal error.
    assert listed == {*refusals, *PROBLEMS} - {"internal-error"}


def _subclasses(kind):
    return [kind, *(each for child in kind.__subclasses__() for each in _subclasses(child))]
