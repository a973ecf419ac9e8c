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


def test_every_request_is_matched_by_exactly_one_route():
    answered = {
        (method, path): [line[0] for line in LINES if matches(line, method, path)]
        for method, path in contract()
    }

    assert {request: names for request, names in answered.items() if len(names) != 1} == {}


def test_every_route_matches_a_request_and_names_a_process():
    for line in LINES:
        assert any(matches(line, *request) for request in contract()), line
        assert line[1] in HERE.processes()


def test_every_route_has_its_own_name():
    assert len({line[0] for line in LINES}) == len(LINES)
