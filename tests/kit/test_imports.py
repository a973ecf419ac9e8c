"""The kit imports libraries and itself, in one direction."""

import ast
from graphlib import TopologicalSorter
from pathlib import Path

OURS = ("kit", "monolith", "extracted", "tools", "tests")
KIT = sorted(Path("kit").glob("*.py"))


def imports(path):
    """The modules of ours that a file imports, as dotted names."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module.split(".")[0] in OURS:
            # `from kit import log` names a module, `from kit.log import context` does not
            yield from (
                [f"kit.{name.name}" for name in node.names]
                if node.module == "kit"
                else [node.module]
            )
        elif isinstance(node, ast.Import):
            yield from (name.name for name in node.names if name.name.split(".")[0] in OURS)


def test_the_kit_imports_nothing_else_of_ours():
    found = {name for path in KIT for name in imports(path)}

    assert [name for name in found if not name.startswith("kit.")] == []


def test_the_kit_has_no_import_cycle():
    graph = {f"kit.{path.stem}": set(imports(path)) for path in KIT}

    assert list(TopologicalSorter(graph).static_order())
