"""House style that ruff has no rule for."""

import ast

from tools.lab.ground.tree import HERE

FILES = sorted([HERE.path / "lab", *(HERE.path / "tools").rglob("*.py")])


def attributes(node):
    """The attributes that an assignment sets in one tuple."""
    targets = node.targets[0].elts if isinstance(node.targets[0], ast.Tuple) else []
    return [each for each in targets if isinstance(each, ast.Attribute)]


def test_every_attribute_is_set_on_a_line_of_its_own():
    packed = [
        f"{path.relative_to(HERE.path)}:{node.lineno}"
        for path in FILES
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Assign) and len(attributes(node)) > 1
    ]

    assert packed == []
