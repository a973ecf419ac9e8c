"""The rooms of tools/lab, and which of them may import which: docs/lab.md draws them."""

import ast

import pytest

from tools.lab.ground.tree import HERE

LAB = HERE.path / "tools" / "lab"
LAYERS = (
    "ground",
    "services",
    "system",
    "look",
    "measure",
    "experiment",
    "page",
    "report",
    "steps",
    "cli",
)
FIXTURES = "testing"  # beside the layers: it may import up to look, and only tests import it
MAY_IMPORT = {
    **{room: LAYERS[: number + 1] for number, room in enumerate(LAYERS)},
    FIXTURES: (*LAYERS[: LAYERS.index("look") + 1], FIXTURES),
    "__main__": LAYERS,
}
FILES = sorted(LAB.rglob("*.py"))


def room_of(path):
    """The room of a file, or its name where it lies in no room."""
    return path.relative_to(LAB).parts[0].removesuffix(".py")


def imported(path):
    """The rooms that a file imports from, anywhere in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names = [each.name for each in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [f"{'.' * node.level}{node.module or ''}.{each.name}" for each in node.names]
        else:
            continue
        assert not [name for name in names if name.startswith(".")], "imports are absolute"
        found |= {name.split(".")[2] for name in names if name.startswith("tools.lab.")}
    return found


def test_the_folders_of_the_lab_are_its_rooms():
    folders = {path.parent.relative_to(LAB).parts for path in FILES} - {()}

    assert folders == {(room,) for room in (*LAYERS, FIXTURES)}


def test_only_the_group_of_commands_lies_in_no_room():
    assert [path.name for path in FILES if path.parent == LAB] == ["__init__.py", "__main__.py"]


@pytest.mark.parametrize("room", MAY_IMPORT)
def test_a_room_imports_from_the_rooms_above_it_only(room):
    forbidden = {
        str(path.relative_to(LAB)): sorted(imported(path) - set(MAY_IMPORT[room]))
        for path in FILES
        if room_of(path) == room
    }

    assert {path: rooms for path, rooms in forbidden.items() if rooms} == {}


def test_the_lab_imports_nothing_of_the_system_that_it_runs():
    nodes = [node for path in FILES for node in ast.walk(ast.parse(path.read_text()))]
    modules = {node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)}
    modules |= {each.name for node in nodes if isinstance(node, ast.Import) for each in node.names}

    assert {
        name for name in modules if name.split(".")[0] in ("monolith", "extracted", "kit")
    } == set()
