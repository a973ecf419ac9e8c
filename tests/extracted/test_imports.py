"""A service imports only itself and the kit; the kit imports no other package of ours."""

import ast

import pytest

from tools.lab.ground.tree import HERE

SERVICES = sorted(path.parent.name for path in HERE.path.glob("extracted/*/config.py"))


def ours(folder):
    """The first two names of each import of our own packages in a folder."""
    for path in sorted((HERE.path / folder).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            named = (
                [node.module]
                if isinstance(node, ast.ImportFrom)
                else [each.name for each in node.names]
                if isinstance(node, ast.Import)
                else []
            )
            for name in named:
                first, *words = name.split(".")
                if first == "kit":
                    yield "kit"
                elif first in ("extracted", "monolith", "tools", "tests"):
                    yield f"{first}.{words[0]}" if words else first


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_imports_only_itself_and_the_kit(service):
    assert set(ours(f"extracted/{service}")) == {f"extracted.{service}", "kit"}


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_pins_the_same_versions_as_the_system(service):
    def pins(name):
        return {
            line.split()[0] for line in (HERE.path / name).read_text().splitlines() if "==" in line
        }

    assert pins(f"requirements/{service}.txt") and pins(f"requirements/{service}.txt") <= pins(
        "requirements/system.txt"
    )
