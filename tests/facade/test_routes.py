"""The lines of facade/routes agree with the contract and the processes."""

import re
from fnmatch import fnmatchcase
from pathlib import Path

import yaml

from tools.lab.ground.tree import HERE

LINES = [
    line.split()[2:]
    for line in (HERE.path / "facade" / "routes").read_text().splitlines()
    if line.startswith("import route ")
]
METHODS = {"get", "post", "put", "patch", "delete"}


def contract():
    document = yaml.safe_load(Path("docs/openapi.yaml").read_text())
    operations = [
        (method.upper(), path)
        for path, each in document["paths"].items()
        for method in each
        if method in METHODS
    ]
    return [
        (method, re.sub(r"\{\w+\}", "some-id", path))
        for method, path in operations
        if path.startswith("/api/")
    ]


def matches(line, method, path):
    """Whether Caddy would match; a star inside a path matches one segment, a final one many."""
    _, _, methods, *patterns = line
    fits = (
        fnmatchcase(path, each) and (each.endswith("*") or each.count("/") == path.count("/"))
        for each in patterns
    )
    return method in methods.split(",") and any(fits)


def answering(method, path):
    """The first line that matches a request, or None."""
    return next((line for line in LINES if matches(line, method, path)), None)


def test_every_request_is_matched_by_a_route():
    assert [request for request in contract() if answering(*request) is None] == []


def test_every_route_answers_a_request_and_names_a_process():
    answering_lines = [answering(*request) for request in contract()]
    for line in LINES:
        assert line in answering_lines
        assert line[1] in HERE.processes()


def test_a_longer_path_is_not_taken_for_a_shorter_one():
    assert answering("GET", "/api/events/some-id")[:2] == ["events", "web"]
    assert answering("GET", "/api/events/some-id/seats")[:2] == ["seats", "bookings-web"]


def test_every_route_has_its_own_name():
    assert len({line[0] for line in LINES}) == len(LINES)
