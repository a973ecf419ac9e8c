"""Who may import whom: a service its own and the kit, the kit nothing of ours; what they share otherwise is HTTP and events."""

import ast

import pytest

from tools.lab.tree import HERE

SERVICES = sorted(path.parent.name for path in HERE.path.glob("extracted/*/worker.py") if path.parent.name != "kit")


def ours(folder):
    """The first two words of each import of our own in a folder."""
    for path in sorted((HERE.path / folder).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            named = [node.module] if isinstance(node, ast.ImportFrom) else [each.name for each in node.names] if isinstance(node, ast.Import) else []
            for name in named:
                first, *words = name.split(".")
                if first in ("extracted", "monolith", "tools", "tests"):
                    yield f"{first}.{words[0]}" if words else first


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_imports_its_own_and_the_kit_only(service):
    assert set(ours(f"extracted/{service}")) == {f"extracted.{service}", "extracted.kit"}


def test_the_kit_imports_nothing_of_any_part():
    assert set(ours("extracted/kit")) == {"extracted.kit"}


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_runs_on_what_the_system_runs_on(service):
    def pins(name):
        return {line.split()[0] for line in (HERE.path / name).read_text().splitlines() if "==" in line}

    assert pins(f"extracted/{service}/requirements.txt") and pins(f"extracted/{service}/requirements.txt") <= pins("requirements/system.txt")
