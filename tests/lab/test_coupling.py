"""The coupling of modules is read from their files and from their statements."""

import pytest

from tools.lab.ground.tree import Tree
from tools.lab.measure.coupling import (
    crosses,
    imports_across,
    internal_imports,
    lines_of,
    process_of,
    table_owners,
)

ROUTES = """# who answers what
import route events  web              GET   /api/events/*
import route holds   bookings-web     POST  /api/events/*/holds /api/holds/*
import route advice  recommendations  GET   /api/recommendations
"""
BOOKINGS = """
import monolith.accounts.model
from kit import database
from monolith.bookings.refusals import SeatTaken
from monolith.catalog import service as catalog
from monolith.catalog.model import Event, Seat
from monolith.catalog.service import find_event
"""


@pytest.fixture
def tree(tmp_path):
    files = {
        "accounts/model.py": '__tablename__ = "accounts"\n',
        "bookings/model.py": 'Table(\n    "holds", metadata)\n',
        "bookings/service.py": BOOKINGS,
        "catalog/service.py": "",
    }
    for path, text in files.items():
        file = tmp_path / "monolith" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        (file.parent / "__init__.py").touch()
        file.write_text(text)
    return Tree(tmp_path)


def test_only_imports_of_another_modules_internals_are_counted(tree):
    assert internal_imports(tree) == [
        ("monolith/bookings/service.py", "monolith.accounts.model"),
        ("monolith/bookings/service.py", "monolith.catalog.model.Event"),
        ("monolith/bookings/service.py", "monolith.catalog.model.Seat"),
    ]


def test_imports_of_a_public_interface_are_counted_too(tree):
    public = set(imports_across(tree)) - set(internal_imports(tree))

    assert {name for _, name in public} == {
        "monolith.catalog.service",
        "monolith.catalog.service.find_event",
    }


def test_the_lines_of_all_python_files_of_the_monolith_are_counted(tree):
    (tree.path / "monolith" / "app.py").write_text("one\ntwo\n")

    assert lines_of(tree)["monolith"] == 2 + len(BOOKINGS.splitlines()) + 1 + 2


@pytest.mark.parametrize(
    ("method", "path", "process"),
    [
        ("GET", "/api/events/5/seats", "web"),
        ("POST", "/api/events/5/holds", "bookings-web"),
        ("GET", "/api/recommendations?limit=5", "recommendations"),
    ],
)
def test_the_routes_tell_which_process_answers(tree, method, path, process):
    (tree.path / "facade").mkdir()
    (tree.path / "facade" / "routes").write_text(ROUTES)

    assert process_of(tree, method, path) == process


def test_without_a_facade_web_answers_everything(tree):
    assert process_of(tree, "GET", "/api/recommendations") == "web"


def test_a_table_belongs_to_the_module_that_declares_it(tree):
    assert table_owners(tree) == {"accounts": "accounts", "holds": "bookings"}


def test_tables_of_no_module_do_not_couple_modules(tree):
    owners = table_owners(tree)

    assert crosses(owners, ["accounts", "holds"])
    assert not crosses(owners, ["holds", "outbox"])
