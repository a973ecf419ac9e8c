"""The routes and the document say the same, in both directions."""

import re
from pathlib import Path

import yaml

from monolith.app import create_app
from monolith.config import parse
from monolith.web import TITLES

DOCUMENT = yaml.safe_load(Path("docs/openapi.yaml").read_text())
COMPOSE = yaml.safe_load(Path("docker-compose.yml").read_text())
UNREACHABLE = parse({**COMPOSE["x-monolith"]["environment"], "DATABASE_URL": "postgresql://a:b@127.0.0.1:1/c", "LOG_LEVEL": "ERROR"})
METHODS = {"get", "post", "put", "patch", "delete"}


def test_every_route_is_documented_and_every_documented_one_is_routed():
    rules = [rule for rule in create_app(UNREACHABLE).url_map.iter_rules() if rule.rule.startswith(("/api/", "/health/"))]
    routed = {(re.sub(r"<id:\w+>", "{id}", rule.rule), method.lower()) for rule in rules for method in rule.methods - {"HEAD", "OPTIONS"}}

    documented = {(path, method) for path, operations in DOCUMENT["paths"].items() for method in operations if method in METHODS}

    assert routed == documented


def test_the_document_is_served():
    assert create_app(UNREACHABLE).test_client().get("/api/openapi.json").json == DOCUMENT


def test_every_problem_is_documented():
    listed = set(DOCUMENT["components"]["schemas"]["Problem"]["properties"]["type"]["enum"])

    assert listed == set(TITLES) - {"internal-error"}  # which there must never be one of
