"""The lines of facade/routes, the contract and the processes say the same."""

import re
from fnmatch import fnmatchcase
from pathlib import Path

import yaml

from tools.lab.tree import HERE

LINES = [line.split()[2:] for line in (HERE.path / "facade" / "routes").read_text().splitlines() if line.startswith("import route ")]
METHODS = {"get", "post", "put", "patch", "delete"}


def contract():
    document = yaml.safe_load(Path("docs/openapi.yaml").read_text())
    operations = [(method.upper(), path) for path, each in document["paths"].items() for method in each if method in METHODS]
    return [(method, re.sub(r"\{\w+\}", "some-id", path)) for method, path in operations if path.startswith("/api/")]


def matches(line, method, path):
    """Whether Caddy's matchers match: a star in the middle of a path stays within its segment, one at the end does not."""
    _, _, methods, *patterns = line
    fits = (fnmatchcase(path, each) and (each.endswith("*") or each.count("/") == path.count("/")) for each in patterns)
    return method in methods.split(",") and any(fits)


def test_every_request_of_the_contract_is_matched_by_exactly_one_line():
    answered = {(method, path): [line[0] for line in LINES if matches(line, method, path)] for method, path in contract()}

    assert {asked: names for asked, names in answered.items() if len(names) != 1} == {}


def test_every_line_answers_something_and_names_a_process():
    for line in LINES:
        assert any(matches(line, *asked) for asked in contract()), line
        assert line[1] in HERE.processes()


def test_names_are_used_once():
    assert len({line[0] for line in LINES}) == len(LINES)
