"""The coupling of modules is read from their files and from their statements."""

import pytest

from tools.lab.ground.tree import Tree
from tools.lab.measure.coupling import crosses, internal_imports, table_owners

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


def test_a_table_belongs_to_the_module_that_declares_it(tree):
    assert table_owners(tree) == {"accounts": "accounts", "holds": "bookings"}


def test_tables_of_no_module_do_not_couple_modules(tree):
    owners = table_owners(tree)

    assert crosses(owners, ["accounts", "holds"])
    assert not crosses(owners, ["holds", "outbox"])
